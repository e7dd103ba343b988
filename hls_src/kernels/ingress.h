// The ingress decides `last`, and nobody else does. It and the egress are between the words at the edges of the design and
// the beats within.
#ifndef HLSPIKE_KERNELS_INGRESS_H
#define HLSPIKE_KERNELS_INGRESS_H

#include "words.h"

namespace hlspike {

// Reset policy fixed_window: 1 on every Window-th timestep.
template <int Window, class Counter> bit_t every(Counter &elapsed) {
#pragma HLS INLINE
    const bit_t last = elapsed == Window - 1;
    elapsed = last != 0 ? Counter(0) : Counter(elapsed + 1);
    return last;
}

// Cfg: n, out_t, out_lanes; words (word_array | word_stream), word_lanes. In is an array or a reference to a FIFO.
template <class Cfg, class In, class Out> void ingress(In in, bit_t last, Out &out) {
#pragma HLS INLINE
    typedef raw<typename Cfg::out_t> value_t;
    typedef intake<Cfg::n, Cfg::word_lanes, Cfg::out_lanes, typename Cfg::words> taking;
    typedef outlet<Cfg::n, Cfg::out_lanes, Cfg::out_lanes> giving;
    value_t held[taking::registers], waiting[giving::waiting];
#pragma HLS ARRAY_PARTITION variable=held complete
#pragma HLS ARRAY_PARTITION variable=waiting complete
    typename taking::place from;
    typename giving::place to;
    bit_t unused = 0;
Enter:
    for (int i = 0; i < Cfg::n / Cfg::out_lanes; i++) {
#pragma HLS PIPELINE II=taking::beats
        taking::next(in, from, held, unused);
        giving::next(out, to, held, waiting, last);
    }
}

// Cfg: n, in_t, in_lanes; words, word_lanes. Out is an array or a reference to a FIFO. The last word may hold fewer values than the others.
template <class Cfg, class Out, class In> void egress(In &in, Out out) {
#pragma HLS INLINE
    typedef raw<typename Cfg::in_t> value_t;
    typedef intake<Cfg::n, Cfg::in_lanes, Cfg::in_lanes> taking;
    typedef outlet<Cfg::n, Cfg::word_lanes, Cfg::in_lanes, typename Cfg::words> giving;
    constexpr int packs = Cfg::n / Cfg::in_lanes;
    value_t held[most(taking::registers, giving::registers)], waiting[giving::waiting];
#pragma HLS ARRAY_PARTITION variable=held complete
#pragma HLS ARRAY_PARTITION variable=waiting complete
    typename taking::place from;
    typename giving::place to;
    bit_t unused = 0;
Clear:
    for (int l = 0; l < most(taking::registers, giving::registers); l++) {
#pragma HLS UNROLL
        held[l] = 0;
    }
Leave:
    for (int i = 0; i < rounded_up(packs, giving::turns) * giving::turns; i++) {
#pragma HLS PIPELINE II=giving::beats
        if (i < packs) taking::next(in, from, held, unused);
        giving::next(out, to, held, waiting, unused);
    }
}

}  // namespace hlspike

#endif
