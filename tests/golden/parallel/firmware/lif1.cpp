// 2 neurons of type LIFNeuron. Generated, do not edit.
#include "lif1.h"

#include "kernels/neuron.h"

namespace {

const hlspike::raw<ap_fixed<12,4>> lif1_beta[][2] = {
{128, 224}};
const hlspike::raw<ap_fixed<12,4>> lif1_threshold[][2] = {
{256, 384}};
hlspike::raw<ap_fixed<12,4>> lif1_mem[1][2];
hlspike::bit_t lif1_fresh = 1;
#ifndef __SYNTHESIS__
unsigned char lif1_spikes[lif1_ports::n];
#endif

struct lif1_cfg : lif1_ports {
    static constexpr int parallel = 2;
    static constexpr int groups = 1;
    static constexpr bool inhibition = false;
    static constexpr bool immediate = true;
    typedef ap_fixed<12,4> beta_t;
    static hlspike::of<beta_t> beta(int g, int p) { return hlspike::exactly<beta_t>(lif1_beta[g][p]); }
    typedef ap_fixed<12,4> threshold_t;
    static hlspike::of<threshold_t> threshold(int g, int p) { return hlspike::exactly<threshold_t>(lif1_threshold[g][p]); }
    typedef ap_fixed<12,4> mem_t;
    struct states {
        hlspike::of<mem_t> mem;
    };

    static auto firing(const states &now, int, int) {
#pragma HLS INLINE
        return now.mem;
    }
    static states updated(const states &before, const hlspike::of<in_t> &in, bool reset, int g, int p) {
#pragma HLS INLINE
        using hlspike::into;
        using hlspike::where;
        states now = before;
        now.mem = into<mem_t>(beta(g, p) * before.mem + in - where(reset, threshold(g, p)));
        return now;
    }
    static states settled(const states &now, bool spike, bool reset, int g, int p) {
#pragma HLS INLINE
        states left = now;
        if (spike != reset) left.mem = hlspike::into<mem_t>(now.mem + hlspike::less(spike, threshold(g, p)));
        return left;
    }
    static states held(int g, int p, bool fresh) {
#pragma HLS INLINE
        states found;
        found.mem.bits = fresh ? hlspike::raw<mem_t>(0) : lif1_mem[g][p];
        return found;
    }
    static void hold(int g, int p, const states &left) {
#pragma HLS INLINE
        lif1_mem[g][p] = left.mem.bits;
    }
    static void recall(int, int, bool) {}
#ifndef __SYNTHESIS__
    static void seen(int group, const hlspike::bit_t spikes[parallel]) {
        for (int p = 0; p < parallel; p++) lif1_spikes[group * parallel + p] = spikes[p] != 0;
    }
#endif
};

}  // namespace

void lif1_step(const lif1_ports::in_beats &in, hlspike::bit_t last, lif1_ports::out_beats &out,
               hlspike::bit_t &last_out) {
#pragma HLS PIPELINE II=1
#pragma HLS RESET variable=lif1_fresh
#pragma HLS ARRAY_PARTITION variable=lif1_mem complete dim=0
#pragma HLS ARRAY_PARTITION variable=lif1_beta complete dim=2
#pragma HLS ARRAY_PARTITION variable=lif1_threshold complete dim=2
    hlspike::neurons<lif1_cfg>(in, last, lif1_fresh, out);
    last_out = last;
}

#ifndef __SYNTHESIS__
// What the timestep just done has left, for the test bench.
void lif1_probe(unsigned char *spikes, long long *states) {
    for (int i = 0; i < lif1_cfg::n; i++) {
        const int g = i / lif1_cfg::parallel, p = i % lif1_cfg::parallel;
        spikes[i] = lif1_spikes[i];
        states[0 * lif1_cfg::n + i] = lif1_mem[g][p];
    }
}
#endif
