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
// Cfg: n, parallel, in_t, mem_t, beta_t, threshold_t; decay (lif | integrate), reset (subtract | zero | none),
//      immediate (no reset delay), inhibition; static beta(int i), static threshold(int i)
#ifndef HLSPIKE_KERNELS_LEAKY_H
#define HLSPIKE_KERNELS_LEAKY_H

#include "ap.h"

namespace hlspike {

struct lif {
    template <class Cfg> static auto decayed(const typename Cfg::mem_t &mem, int i) { return Cfg::beta(i) * mem; }
};

struct integrate {
    template <class Cfg> static typename Cfg::mem_t decayed(const typename Cfg::mem_t &mem, int) { return mem; }
};

struct subtract {
    template <class Cfg>
    static typename Cfg::mem_t update(const typename Cfg::mem_t &mem, bool reset, const typename Cfg::in_t &x, int i) {
        const typename Cfg::threshold_t theta = reset ? Cfg::threshold(i) : typename Cfg::threshold_t(0);
        return Cfg::decay::template decayed<Cfg>(mem, i) + x - theta;
    }
    template <class Cfg> static typename Cfg::mem_t after(const typename Cfg::mem_t &mem, bool spike, bool reset, int i) {
        if (spike == reset) return mem;
        if (spike) return mem - Cfg::threshold(i);
        return mem + Cfg::threshold(i);
    }
};

struct zero {
    template <class Cfg>
    static typename Cfg::mem_t update(const typename Cfg::mem_t &mem, bool reset, const typename Cfg::in_t &x, int i) {
        const typename Cfg::mem_t kept = reset ? typename Cfg::mem_t(0) : mem;
        return Cfg::decay::template decayed<Cfg>(kept, i) + x;
    }
    template <class Cfg> static typename Cfg::mem_t after(const typename Cfg::mem_t &mem, bool spike, bool reset, int) {
        if (spike == reset) return mem;
        if (spike) return 0;
        return mem + mem;
    }
};

struct none {
    template <class Cfg>
    static typename Cfg::mem_t update(const typename Cfg::mem_t &mem, bool, const typename Cfg::in_t &x, int i) {
        return Cfg::decay::template decayed<Cfg>(mem, i) + x;
    }
    template <class Cfg> static typename Cfg::mem_t after(const typename Cfg::mem_t &mem, bool, bool, int) {
        return mem;
    }
};

template <class Cfg> bool fires(const typename Cfg::mem_t &mem, int i) {
    return with_sign(mem) > with_sign(Cfg::threshold(i));
}

// The neuron that inhibition lets fire, if it does: the first of the largest U - theta.
template <class Cfg> int winner(const typename Cfg::mem_t mem[Cfg::n]) {
    typedef decltype(mem[0] - Cfg::threshold(0)) margin_t;
    int first = 0;
    margin_t largest = mem[0] - Cfg::threshold(0);
Winner:
    for (int i = 1; i < Cfg::n; i++) {
#pragma HLS PIPELINE II=1
        const margin_t margin = mem[i] - Cfg::threshold(i);
        if (margin > largest) {
            largest = margin;
            first = i;
        }
    }
    return first;
}

// Neurons by themselves: one pass.
template <class Cfg, bool Inhibition> struct layer_of {
    static void step(const typename Cfg::in_t in[Cfg::n], bool fresh, typename Cfg::mem_t mem[Cfg::n],
                     bit_t out[Cfg::n]) {
    Groups:
        for (int g = 0; g < Cfg::n; g += Cfg::parallel) {
#pragma HLS PIPELINE II=1
        Neurons:
            for (int p = 0; p < Cfg::parallel; p++) {
#pragma HLS UNROLL
                const int i = g + p;
                const typename Cfg::mem_t before = fresh ? typename Cfg::mem_t(0) : mem[i];
                const bool reset = fires<Cfg>(before, i);
                const typename Cfg::mem_t now = Cfg::reset::template update<Cfg>(before, reset, in[i], i);
                const bool spike = fires<Cfg>(now, i);
                mem[i] = Cfg::immediate ? Cfg::reset::template after<Cfg>(now, spike, reset, i) : now;
                out[i] = spike;
            }
        }
    }
};

// With inhibition nothing is known of any spike until every membrane is: two passes.
template <class Cfg> struct layer_of<Cfg, true> {
    static void step(const typename Cfg::in_t in[Cfg::n], bool fresh, typename Cfg::mem_t mem[Cfg::n],
                     bit_t out[Cfg::n]) {
        bit_t resets[Cfg::n];
#pragma HLS ARRAY_PARTITION variable=resets cyclic factor=Cfg::parallel
    Update:
        for (int g = 0; g < Cfg::n; g += Cfg::parallel) {
#pragma HLS PIPELINE II=1
        UpdateNeurons:
            for (int p = 0; p < Cfg::parallel; p++) {
#pragma HLS UNROLL
                const int i = g + p;
                const typename Cfg::mem_t before = fresh ? typename Cfg::mem_t(0) : mem[i];
                const bool reset = fires<Cfg>(before, i);
                mem[i] = Cfg::reset::template update<Cfg>(before, reset, in[i], i);
                resets[i] = reset;
            }
        }
        const int first = winner<Cfg>(mem);
    Fire:
        for (int g = 0; g < Cfg::n; g += Cfg::parallel) {
#pragma HLS PIPELINE II=1
        FireNeurons:
            for (int p = 0; p < Cfg::parallel; p++) {
#pragma HLS UNROLL
                const int i = g + p;
                const typename Cfg::mem_t now = mem[i];
                const bool spike = i == first && fires<Cfg>(now, i);
                mem[i] = Cfg::immediate ? Cfg::reset::template after<Cfg>(now, spike, resets[i] != 0, i) : now;
                out[i] = spike;
            }
        }
    }
};

template <class Cfg>
void leaky(const typename Cfg::in_t in[Cfg::n], bit_t last, bit_t &fresh, typename Cfg::mem_t mem[Cfg::n],
           bit_t out[Cfg::n]) {
    static_assert(Cfg::n % Cfg::parallel == 0, "the neurons do not divide into groups of `parallel`");
    layer_of<Cfg, Cfg::inhibition>::step(in, fresh != 0, mem, out);
    fresh = last;
}

}  // namespace hlspike

#endif
