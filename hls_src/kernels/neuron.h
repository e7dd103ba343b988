// A layer of neurons, one timestep. The equations are the layer's own (see the generated Cfg):
//
//     R = H(firing - threshold) of the states that were kept
//     each state formed exactly and cast once, into its type
//     S = H(firing - threshold) of the new ones; with inhibition only the first of the largest firing - threshold may fire
//     what a spike does within its timestep
//
// H is strict. State is cleared when the sequence after `last` begins rather than when the old one ends: `fresh` stands
// for a layer of zeros, so it is the one bit that a hardware reset has to reach, and the states of the last timestep stay
// observable.
//
// One pipelined loop over the groups of `parallel` neurons. A state is an array [group][p], split over p, so that a
// neuron of a group always has the same memory; an iteration reads each once and writes it once, and no two iterations
// touch the same. With inhibition nothing is known of any spike until every state is: a second loop fires.
//
// Cfg: n, groups, parallel, in_t, in_lanes, out_lanes; inhibition; immediate, whether a spike resets within its timestep;
//      states, what a neuron keeps; static held(int group, int p, bool fresh) and hold(int group, int p, states), which
//      read and write it; static recall(int group, int p, bool spike), told of every spike; static firing and threshold,
//      updated and settled: the equations; static seen(int group, const bit_t spikes[parallel]), told in C simulation
#ifndef HLSPIKE_KERNELS_NEURON_H
#define HLSPIKE_KERNELS_NEURON_H

#include <utility>

#include "beats.h"
#include "largest.h"
#include "number.h"

namespace hlspike {

template <class Cfg> bool fires(const typename Cfg::states &states, int g, int p) {
#pragma HLS INLINE
    return Cfg::firing(states, g, p) > Cfg::threshold(g, p);
}

// What a loop over groups takes and gives.
template <class Cfg> struct flow {
    typedef intake<Cfg::n, Cfg::in_lanes, Cfg::parallel> taking;
    typedef outlet<Cfg::n, Cfg::out_lanes, Cfg::parallel> giving;
    typedef raw<typename Cfg::in_t> in_word;
    static constexpr int interval = rate<taking, giving>::interval;
};

template <class Cfg> void seen(int g, const bit_t spikes[Cfg::parallel]) {
#pragma HLS INLINE
#ifndef __SYNTHESIS__
    Cfg::seen(g, spikes);
#else
    (void)g;
    (void)spikes;
#endif
}

// Neurons by themselves: one pass.
template <class Cfg, bool Inhibition> struct layer_of : flow<Cfg> {
    typedef flow<Cfg> own;
    template <class In, class Out> static void step(In &in, bit_t &last, bool fresh, Out &out) {
#pragma HLS INLINE
        typename own::in_word currents[own::taking::registers];
#pragma HLS ARRAY_PARTITION variable=currents complete
        bit_t waiting[own::giving::waiting];
#pragma HLS ARRAY_PARTITION variable=waiting complete
        typename own::taking::place from;
        typename own::giving::place to;
    Groups:
        for (int g = 0; g < Cfg::groups; g++) {
#pragma HLS PIPELINE II=own::interval
            bit_t spikes[own::giving::registers];
#pragma HLS ARRAY_PARTITION variable=spikes complete
            own::taking::next(in, from, currents, last);
        Neurons:
            for (int p = 0; p < Cfg::parallel; p++) {
#pragma HLS UNROLL
                const typename Cfg::states before = Cfg::held(g, p, fresh);
                const bool reset = fires<Cfg>(before, g, p);
                const typename Cfg::states now =
                    Cfg::updated(before, exactly<typename Cfg::in_t>(currents[p]), reset, g, p);
                const bool spike = fires<Cfg>(now, g, p);
                Cfg::hold(g, p, Cfg::settled(now, spike, reset, g, p));
                Cfg::recall(g, p, spike);
                spikes[p] = spike;
            }
            seen<Cfg>(g, spikes);
            own::giving::next(out, to, spikes, waiting, last);
        }
    }
};

// With inhibition the first loop also finds the neuron that may fire, group by group.
template <class Cfg> struct layer_of<Cfg, true> : flow<Cfg> {
    typedef flow<Cfg> own;
    typedef decltype(Cfg::firing(std::declval<typename Cfg::states>(), 0, 0) - Cfg::threshold(0, 0)) margin;
    typedef typename margin::type margin_t;
    typedef typename counter<Cfg::parallel - 1>::type place_t;
    template <class In, class Out> static void step(In &in, bit_t &last, bool fresh, Out &out) {
#pragma HLS INLINE
        bit_t resets[Cfg::groups][Cfg::parallel];
#pragma HLS ARRAY_PARTITION variable=resets complete dim=2
        typename own::in_word currents[own::taking::registers];
#pragma HLS ARRAY_PARTITION variable=currents complete
        bit_t waiting[own::giving::waiting];
#pragma HLS ARRAY_PARTITION variable=waiting complete
        typename own::taking::place from;
        typename own::giving::place to;
        peak<margin_t, place_t> best;
        best.key = 0;
        best.place = 0;
        typename counter<Cfg::groups - 1>::type best_group = 0;
    Update:
        for (int g = 0; g < Cfg::groups; g++) {
#pragma HLS PIPELINE II=own::taking::beats
            margin_t margins[Cfg::parallel];
#pragma HLS ARRAY_PARTITION variable=margins complete
            own::taking::next(in, from, currents, last);
        UpdateNeurons:
            for (int p = 0; p < Cfg::parallel; p++) {
#pragma HLS UNROLL
                const typename Cfg::states before = Cfg::held(g, p, fresh);
                const bool reset = fires<Cfg>(before, g, p);
                const typename Cfg::states now =
                    Cfg::updated(before, exactly<typename Cfg::in_t>(currents[p]), reset, g, p);
                Cfg::hold(g, p, now);
                resets[g][p] = reset;
                margins[p] = (Cfg::firing(now, g, p) - Cfg::threshold(g, p)).bits;
            }
            const peak<margin_t, place_t> found = largest<margin_t, place_t, Cfg::parallel>::of(margins);
            if (g == 0 || found.key > best.key) {
                best = found;
                best_group = g;
            }
        }
    Fire:
        for (int g = 0; g < Cfg::groups; g++) {
#pragma HLS PIPELINE II=own::giving::beats
            bit_t spikes[own::giving::registers];
#pragma HLS ARRAY_PARTITION variable=spikes complete
        FireNeurons:
            for (int p = 0; p < Cfg::parallel; p++) {
#pragma HLS UNROLL
                const bool spike = g == best_group && p == best.place && best.key > 0;
                if (Cfg::immediate) {
                    Cfg::hold(g, p, Cfg::settled(Cfg::held(g, p, false), spike, resets[g][p] != 0, g, p));
                }
                Cfg::recall(g, p, spike);
                spikes[p] = spike;
            }
            seen<Cfg>(g, spikes);
            own::giving::next(out, to, spikes, waiting, last);
        }
    }
};

// `last` is given with arrays, and taken from the beats of a FIFO.
template <class Cfg, class In, class Out> void neurons(In &in, bit_t &last, bit_t &fresh, Out &out) {
#pragma HLS INLINE
    layer_of<Cfg, Cfg::inhibition>::step(in, last, fresh != 0, out);
    fresh = last;
}

}  // namespace hlspike

#endif
