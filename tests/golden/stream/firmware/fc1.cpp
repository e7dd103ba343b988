// Linear 3 -> 2. Generated, do not edit.
#include "fc1.h"

#include "kernels/linear.h"

namespace {

// A row per cycle, one word of memory: the weights of 3 inputs and 2 outputs.
const hlspike::word<6>::type fc1_weight[1][6] = {
{4, 16, -10, 2, 6, -4}};
const hlspike::raw<ap_fixed<12,4>> fc1_bias[1][2] = {
{32, -64}};

struct fc1_cfg : fc1_ports {
    static constexpr int reuse_factor = 1;
    static constexpr int in_parallel = 3;
    static constexpr int out_parallel = 2;
    static constexpr int weight_width = 6;
    static constexpr int sum_width = 19;
    static constexpr int acc_width = 15;
    typedef ap_fixed<15,4> acc_t;
    typedef ap_fixed<12,4> accum_t;
    typedef ap_fixed<12,4> result_t;
    static hlspike::word<weight_width>::type weight(int row, int k) { return fc1_weight[row][k]; }
    typedef ap_fixed<12,4> bias_t;
    static hlspike::raw<bias_t> bias(int group, int q) { return fc1_bias[group][q]; }
};

}  // namespace

void fc1_step(fc1_ports::in_beats &in, fc1_ports::out_beats &out) {
#pragma HLS PIPELINE II=1
    hlspike::bit_t last = 0;
    hlspike::linear<fc1_cfg>(in, last, out);
}
