// 2 integrate-and-fire neurons. Generated, do not edit.
#include "lif1.h"

#include "kernels/leaky.h"

namespace {

#ifndef __SYNTHESIS__
unsigned char lif1_spikes[lif1_ports::n];
#endif

struct lif1_cfg : lif1_ports {
    static constexpr int parallel = 2;
    static constexpr int groups = n / parallel;
    typedef ap_fixed<12,4> mem_t;
    typedef hlspike::integrate decay;
    typedef hlspike::subtract reset;
    static constexpr bool immediate = false;
    static constexpr bool inhibition = true;
    typedef ap_fixed<12,4> threshold_t;
    static hlspike::raw<threshold_t> threshold(int, int) { return 256; }
#ifndef __SYNTHESIS__
    static void seen(int group, const hlspike::bit_t spikes[parallel]) {
        for (int p = 0; p < parallel; p++) lif1_spikes[group * parallel + p] = spikes[p] != 0;
    }
#endif
};

hlspike::raw<lif1_cfg::mem_t> lif1_mem[lif1_cfg::groups][lif1_cfg::parallel];
hlspike::bit_t lif1_fresh = 1;

}  // namespace

void lif1_step(lif1_ports::in_beats &in, lif1_ports::out_beats &out) {
#pragma HLS PIPELINE II=1
#pragma HLS RESET variable=lif1_fresh
#pragma HLS ARRAY_PARTITION variable=lif1_mem complete dim=0
    hlspike::bit_t last = 0;
    hlspike::leaky<lif1_cfg>(in, last, lif1_fresh, lif1_mem, out);
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
