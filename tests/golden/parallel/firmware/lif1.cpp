// 2 leaky integrate-and-fire neurons. Generated, do not edit.
#include "lif1.h"

#include "kernels/leaky.h"

namespace {

const hlspike::raw<ap_fixed<12,4>> lif1_beta[][2] = {
{128, 224}};
const hlspike::raw<ap_fixed<12,4>> lif1_threshold[][2] = {
{256, 384}};
#ifndef __SYNTHESIS__
unsigned char lif1_spikes[lif1_ports::n];
#endif

struct lif1_cfg : lif1_ports {
    static constexpr int parallel = 2;
    static constexpr int groups = n / parallel;
    typedef ap_fixed<12,4> mem_t;
    typedef hlspike::lif decay;
    typedef hlspike::subtract reset;
    static constexpr bool immediate = true;
    static constexpr bool inhibition = false;
    typedef ap_fixed<12,4> beta_t;
    static hlspike::raw<beta_t> beta(int group, int p) { return lif1_beta[group][p]; }
    typedef ap_fixed<12,4> threshold_t;
    static hlspike::raw<threshold_t> threshold(int group, int p) { return lif1_threshold[group][p]; }
#ifndef __SYNTHESIS__
    static void seen(int group, const hlspike::bit_t spikes[parallel]) {
        for (int p = 0; p < parallel; p++) lif1_spikes[group * parallel + p] = spikes[p] != 0;
    }
#endif
};

hlspike::raw<lif1_cfg::mem_t> lif1_mem[lif1_cfg::groups][lif1_cfg::parallel];
hlspike::bit_t lif1_fresh = 1;

}  // namespace

void lif1_step(const lif1_ports::in_beats &in, hlspike::bit_t last, lif1_ports::out_beats &out,
               hlspike::bit_t &last_out) {
#pragma HLS PIPELINE II=1
#pragma HLS RESET variable=lif1_fresh
#pragma HLS ARRAY_PARTITION variable=lif1_mem complete dim=0
#pragma HLS ARRAY_PARTITION variable=lif1_beta complete dim=2
#pragma HLS ARRAY_PARTITION variable=lif1_threshold complete dim=2
    hlspike::leaky<lif1_cfg>(in, last, lif1_fresh, lif1_mem, out);
    last_out = last;
}

#ifndef __SYNTHESIS__
// What the timestep just done has left, for the test bench.
void lif1_probe(unsigned char *spikes, long long *mem) {
    for (int i = 0; i < lif1_cfg::n; i++) {
        spikes[i] = lif1_spikes[i];
        mem[i] = lif1_mem[i / lif1_cfg::parallel][i % lif1_cfg::parallel];
    }
}
#endif
