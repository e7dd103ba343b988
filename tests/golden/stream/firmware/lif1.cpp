// 2 integrate-and-fire neurons. Generated, do not edit.
#include "lif1.h"

#include "kernels/leaky.h"

namespace {

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
};

hlspike::raw<lif1_cfg::mem_t> lif1_mem[lif1_cfg::groups][lif1_cfg::parallel];
hlspike::bit_t lif1_fresh = 1;
#ifndef __SYNTHESIS__
hlspike::bit_t lif1_spikes[lif1_cfg::n];
#endif

}  // namespace

void lif1_step(hls::stream<lif1_ports::in_pack> &in, hls::stream<lif1_ports::out_pack> &out) {
#pragma HLS RESET variable=lif1_fresh
#pragma HLS ARRAY_PARTITION variable=lif1_mem complete dim=2
    lif1_cfg::in_t currents[lif1_cfg::n];
#pragma HLS ARRAY_PARTITION variable=currents cyclic factor=2
    lif1_cfg::out_t spikes[lif1_cfg::n];
#pragma HLS ARRAY_PARTITION variable=spikes cyclic factor=2
    const hlspike::bit_t last = hlspike::read_packs<lif1_cfg::n>(in, currents);
    hlspike::leaky<lif1_cfg>(currents, last, lif1_fresh, lif1_mem, spikes);
    hlspike::write_packs<lif1_cfg::n>(spikes, last, out);
#ifndef __SYNTHESIS__
    for (int i = 0; i < lif1_cfg::n; i++) lif1_spikes[i] = spikes[i];
#endif
}

#ifndef __SYNTHESIS__
// What the timestep just done has left, for the test bench.
void lif1_probe(unsigned char *spikes, long long *mem) {
    for (int i = 0; i < lif1_cfg::n; i++) {
        spikes[i] = lif1_spikes[i].to_uint();
        mem[i] = lif1_mem[i / lif1_cfg::parallel][i % lif1_cfg::parallel];
    }
}
#endif
