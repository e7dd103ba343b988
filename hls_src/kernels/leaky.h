// Leaky and integrate-and-fire neurons, one timestep (snntorch/_neurons/leaky.py, class Leaky, release 1.0.0):
//
//     R = H(U1 - theta), of the membrane that was kept
//     U = beta U1 + I - R theta (subtract) | beta (1 - R) U1 + I (zero) | beta U1 + I (none)
//     S = H(U - theta); with inhibition only the first of the largest U - theta may fire
//     without reset delay, d = S - R, then U <- U - d theta (subtract) or U - d U (zero)
//
// H is strict. Each update is formed exactly and cast once, into mem_t. State is cleared when the sequence after
// `last` begins rather than when the old one ends: `fresh` stands for a layer of zeros, so it is the one bit that a
// hardware reset has to reach, and the membranes of the last timestep stay observable.
//
// One pipelined loop over the groups of `parallel` neurons. A membrane is mem[group][p], split over p, so that a neuron
// of a group always has the same memory; an iteration reads each once and writes it once, and no two iterations touch
// the same. With inhibition nothing is known of any spike until every membrane is: a second loop fires.
//
// Cfg: n, groups, parallel, in_t, in_lanes, out_lanes, mem_t, beta_t, threshold_t; decay (lif | integrate), reset (subtract | zero | none),
//      immediate (no reset delay), inhibition; static beta(int group, int p), static threshold(int group, int p):
//      mantissas; static seen(int group, const bit_t spikes[parallel]), told of every spike in C simulation
#ifndef HLSPIKE_KERNELS_LEAKY_H
#define HLSPIKE_KERNELS_LEAKY_H

#include "beats.h"
#include "cast.h"
#include "largest.h"

namespace hlspike {

// beta U and U itself, with their bits.
struct lif {
    template <class Cfg> struct of {
        static constexpr int frac = format<typename Cfg::mem_t>::frac + format<typename Cfg::beta_t>::frac;
        static constexpr int held = format<typename Cfg::mem_t>::held + format<typename Cfg::beta_t>::held;
        static exact<held> decayed(const raw<typename Cfg::mem_t> &mem, int g, int p) {
            return product_of<held>(Cfg::beta(g, p), mem);
        }
    };
};
struct integrate {
    template <class Cfg> struct of {
        static constexpr int frac = format<typename Cfg::mem_t>::frac, held = format<typename Cfg::mem_t>::held;
        static exact<held> decayed(const raw<typename Cfg::mem_t> &mem, int, int) { return mem; }
    };
};

// An update before it is cast, and a membrane beside its threshold: their points and bits.
template <class Cfg> struct update {
    typedef typename Cfg::decay::template of<Cfg> decay;
    typedef format<typename Cfg::in_t> in;
    typedef format<typename Cfg::threshold_t> theta;
    static constexpr int frac = most(decay::frac, most(in::frac, theta::frac));
    static constexpr int held = 2 + most(decay::held + frac - decay::frac,
                                         most(in::held + frac - in::frac, theta::held + frac - theta::frac));
    typedef exact<held> type;
    static type current(const raw<typename Cfg::in_t> &x) { return raised<frac - in::frac>(type(x)); }
    static type decayed(const raw<typename Cfg::mem_t> &mem, int g, int p) {
        return raised<frac - decay::frac>(type(decay::decayed(mem, g, p)));
    }
    static type threshold(int g, int p) { return raised<frac - theta::frac>(type(Cfg::threshold(g, p))); }
    static raw<typename Cfg::mem_t> cast_of(const type &sum) { return cast<typename Cfg::mem_t, frac, held>(sum); }
};
template <class Cfg> struct margin {
    typedef format<typename Cfg::mem_t> mem;
    typedef format<typename Cfg::threshold_t> theta;
    static constexpr int frac = most(mem::frac, theta::frac);
    static constexpr int held = 1 + most(mem::held + frac - mem::frac, theta::held + frac - theta::frac);
    typedef exact<held> type;
    static type membrane(const raw<typename Cfg::mem_t> &value) { return raised<frac - mem::frac>(type(value)); }
    static type threshold(int g, int p) { return raised<frac - theta::frac>(type(Cfg::threshold(g, p))); }
    static raw<typename Cfg::mem_t> cast_of(const type &sum) { return cast<typename Cfg::mem_t, frac, held>(sum); }
};

template <class Cfg> bool fires(const raw<typename Cfg::mem_t> &mem, int g, int p) {
#pragma HLS INLINE
    return margin<Cfg>::membrane(mem) > margin<Cfg>::threshold(g, p);
}

struct subtract {
    template <class Cfg>
    static typename update<Cfg>::type sum(const raw<typename Cfg::mem_t> &mem, bool reset,
                                          const raw<typename Cfg::in_t> &x, int g, int p) {
#pragma HLS INLINE
        typedef update<Cfg> of;
        return of::decayed(mem, g, p) + of::current(x) - (reset ? of::threshold(g, p) : typename of::type(0));
    }
    // U - d theta
    template <class Cfg>
    static typename margin<Cfg>::type moved(const raw<typename Cfg::mem_t> &mem, bool spike, int g, int p) {
#pragma HLS INLINE
        typedef margin<Cfg> of;
        const typename of::type theta = of::threshold(g, p);
        return of::membrane(mem) + (spike ? typename of::type(-theta) : theta);
    }
};
struct zero {
    template <class Cfg>
    static typename update<Cfg>::type sum(const raw<typename Cfg::mem_t> &mem, bool reset,
                                          const raw<typename Cfg::in_t> &x, int g, int p) {
#pragma HLS INLINE
        typedef update<Cfg> of;
        const typename of::type kept = of::decayed(mem, g, p);
        return (reset ? typename of::type(0) : kept) + of::current(x);
    }
    // U - d U
    template <class Cfg>
    static typename margin<Cfg>::type moved(const raw<typename Cfg::mem_t> &mem, bool spike, int, int) {
#pragma HLS INLINE
        typedef typename margin<Cfg>::type type;
        return spike ? type(0) : raised<1>(margin<Cfg>::membrane(mem));
    }
};
struct none {
    template <class Cfg>
    static typename update<Cfg>::type sum(const raw<typename Cfg::mem_t> &mem, bool, const raw<typename Cfg::in_t> &x,
                                          int g, int p) {
#pragma HLS INLINE
        return update<Cfg>::decayed(mem, g, p) + update<Cfg>::current(x);
    }
};

// The reset within the timestep, d = S - R.
template <class Cfg, bool Immediate, class Reset> struct after_spike {
    static raw<typename Cfg::mem_t> of(const raw<typename Cfg::mem_t> &mem, bool spike, bool reset, int g, int p) {
#pragma HLS INLINE
        const raw<typename Cfg::mem_t> moved = margin<Cfg>::cast_of(Reset::template moved<Cfg>(mem, spike, g, p));
        return spike == reset ? mem : moved;
    }
};
template <class Cfg, class Reset> struct after_spike<Cfg, false, Reset> {
    static raw<typename Cfg::mem_t> of(const raw<typename Cfg::mem_t> &mem, bool, bool, int, int) { return mem; }
};
template <class Cfg> struct after_spike<Cfg, true, none> : after_spike<Cfg, false, none> {};
template <class Cfg> struct settled : after_spike<Cfg, Cfg::immediate, typename Cfg::reset> {};

// What a loop over groups takes and gives.
template <class Cfg> struct flow {
    typedef intake<Cfg::n, Cfg::in_lanes, Cfg::parallel> taking;
    typedef outlet<Cfg::n, Cfg::out_lanes, Cfg::parallel> giving;
    typedef raw<typename Cfg::in_t> in_word;
    typedef raw<typename Cfg::mem_t> mem_word;
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
    template <class In, class Out>
    static void step(In &in, bit_t &last, bool fresh, typename own::mem_word mem[Cfg::groups][Cfg::parallel], Out &out) {
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
                const typename own::mem_word before = fresh ? typename own::mem_word(0) : mem[g][p];
                const bool reset = fires<Cfg>(before, g, p);
                const typename own::mem_word now =
                    update<Cfg>::cast_of(Cfg::reset::template sum<Cfg>(before, reset, currents[p], g, p));
                const bool spike = fires<Cfg>(now, g, p);
                mem[g][p] = settled<Cfg>::of(now, spike, reset, g, p);
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
    typedef typename margin<Cfg>::type margin_t;
    typedef typename counter<Cfg::parallel - 1>::type place_t;
    template <class In, class Out>
    static void step(In &in, bit_t &last, bool fresh, typename own::mem_word mem[Cfg::groups][Cfg::parallel], Out &out) {
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
                const typename own::mem_word before = fresh ? typename own::mem_word(0) : mem[g][p];
                const bool reset = fires<Cfg>(before, g, p);
                const typename own::mem_word now =
                    update<Cfg>::cast_of(Cfg::reset::template sum<Cfg>(before, reset, currents[p], g, p));
                mem[g][p] = now;
                resets[g][p] = reset;
                margins[p] = margin<Cfg>::membrane(now) - margin<Cfg>::threshold(g, p);
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
                    const typename own::mem_word now = mem[g][p];
                    mem[g][p] = settled<Cfg>::of(now, spike, resets[g][p] != 0, g, p);
                }
                spikes[p] = spike;
            }
            seen<Cfg>(g, spikes);
            own::giving::next(out, to, spikes, waiting, last);
        }
    }
};

// `last` is given with arrays, and taken from the beats of a FIFO.
template <class Cfg, class In, class Out>
void leaky(In &in, bit_t &last, bit_t &fresh, raw<typename Cfg::mem_t> mem[Cfg::groups][Cfg::parallel], Out &out) {
#pragma HLS INLINE
    layer_of<Cfg, Cfg::inhibition>::step(in, last, fresh != 0, mem, out);
    fresh = last;
}

}  // namespace hlspike

#endif
