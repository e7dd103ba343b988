// Linear 3 -> 2. Generated, do not edit.
#include "fc1.h"

#include "kernels/linear.h"

namespace {

// A row per cycle, one word of memory: the weights of 3 inputs and 1 outputs.
const hlspike::word<6>::type fc1_weight[2][3] = {
{4, -10, 6},
{16, 2, -4}};
const hlspike::raw<ap_fixed<12,4>> fc1_bias[2][1] = {
{32},
{-64}};

struct fc1_cfg : fc1_ports {
    static constexpr int reuse_factor = 2;
    static constexpr int in_parallel = 3;
    static constexpr int out_parallel = 1;
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

void fc1_step(const fc1_ports::in_beats &in, hlspike::bit_t last, fc1_ports::out_beats &out,
              hlspike::bit_t &last_out) {
#pragma HLS ARRAY_RESHAPE variable=fc1_weight complete dim=2
#pragma HLS BIND_STORAGE variable=fc1_weight type=rom_1p impl=lutram
#pragma HLS ARRAY_RESHAPE variable=fc1_bias complete dim=2
    hlspike::linear<fc1_cfg>(in, last, out);
    last_out = last;
}
