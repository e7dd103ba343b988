// The readout: a count or a membrane per class, and the decision taken from them.
//
// One pipelined loop over the groups of `parallel` classes, whose states are state[group][p], split over p: each is read
// once and written once. The best of a group comes from a tree; between groups only it and its place are carried on.
//
// Cfg: n, groups, parallel, in_t, in_lanes, state_t, decision_t; integrator (accumulate | leak), rule (argmax |
//      threshold_then_argmax | first_to_threshold | binary_logit), every_step; class_threshold, for the rules that have
//      one; static beta(int, int), a mantissa, for leak
#ifndef HLSPIKE_KERNELS_READOUT_H
#define HLSPIKE_KERNELS_READOUT_H

#include "beats.h"
#include "cast.h"
#include "largest.h"

namespace hlspike {

// m_k = m_k + x_k, exact, one cast into state_t; a spike counts as 1.
struct accumulate {
    template <class Cfg> struct of {
        static constexpr int frac = format<typename Cfg::state_t>::frac, held = format<typename Cfg::state_t>::held;
        static exact<held> kept(const raw<typename Cfg::state_t> &state) { return state; }
    };
};

// m_k = beta m_k + x_k, likewise.
struct leak {
    template <class Cfg> struct of {
        static constexpr int frac = format<typename Cfg::state_t>::frac + format<typename Cfg::beta_t>::frac;
        static constexpr int held = format<typename Cfg::state_t>::held + format<typename Cfg::beta_t>::held;
        static exact<held> kept(const raw<typename Cfg::state_t> &state) {
            return product_of<held>(Cfg::beta(0, 0), state);
        }
    };
};

template <class Cfg>
raw<typename Cfg::state_t> integrated(const raw<typename Cfg::state_t> &state, const raw<typename Cfg::in_t> &x) {
#pragma HLS INLINE
    typedef typename Cfg::integrator::template of<Cfg> kept;
    typedef format<typename Cfg::in_t> in;
    constexpr int frac = most(kept::frac, in::frac);
    constexpr int held = 1 + most(kept::held + frac - kept::frac, in::held + frac - in::frac);
    typedef exact<held> sum_t;
    const sum_t sum = raised<frac - kept::frac>(sum_t(kept::kept(state))) + raised<frac - in::frac>(sum_t(x));
    return cast<typename Cfg::state_t, frac, held>(sum);
}

template <class Cfg> using class_id = typename natural<bits_of(Cfg::n - 1)>::type;

// The classes of a timestep, seen group by group: which has the largest state, the lowest of equals.
template <class Cfg> struct ranking {
    typedef raw<typename Cfg::state_t> state_t;
    typedef typename counter<Cfg::parallel - 1>::type place_t;
    state_t largest_state;
    class_id<Cfg> best;
    void see(int g, const state_t states[Cfg::parallel]) {
#pragma HLS INLINE
        const peak<state_t, place_t> found = largest<state_t, place_t, Cfg::parallel>::of(states);
        if (g == 0 || found.key > largest_state) {
            largest_state = found.key;
            best = class_id<Cfg>(g * Cfg::parallel) + found.place;
        }
    }
};

// Likewise: whether any has reached class_threshold, and the lowest that has.
template <class Cfg> struct crossing {
    typedef typename counter<Cfg::parallel - 1>::type place_t;
    bool any;
    class_id<Cfg> first;
    void see(int g, const raw<typename Cfg::state_t> states[Cfg::parallel]) {
#pragma HLS INLINE
        bool reached[Cfg::parallel];
#pragma HLS ARRAY_PARTITION variable=reached complete
    Reached:
        for (int p = 0; p < Cfg::parallel; p++) {
#pragma HLS UNROLL
            reached[p] = states[p] >= Cfg::class_threshold;
        }
        const peak<bool, place_t> found = largest<bool, place_t, Cfg::parallel>::of(reached);
        if (g == 0 || !any) {
            any = found.key;
            first = class_id<Cfg>(g * Cfg::parallel) + found.place;
        }
    }
};

// What first_to_threshold remembers of the sequence besides the states.
template <class Cfg> struct latch {
    bit_t set;
    class_id<Cfg> id;
};

struct argmax {
    template <class Cfg> struct of {
        ranking<Cfg> ranks;
        void see(int g, const raw<typename Cfg::state_t> states[Cfg::parallel]) { ranks.see(g, states); }
        class_id<Cfg> decide(latch<Cfg> &) const { return ranks.best; }
    };
};

struct threshold_then_argmax {
    template <class Cfg> struct of {
        ranking<Cfg> ranks;
        crossing<Cfg> crossed;
        void see(int g, const raw<typename Cfg::state_t> states[Cfg::parallel]) {
            ranks.see(g, states);
            crossed.see(g, states);
        }
        class_id<Cfg> decide(latch<Cfg> &) const { return crossed.any ? crossed.first : ranks.best; }
    };
};

struct first_to_threshold {
    template <class Cfg> struct of : threshold_then_argmax::of<Cfg> {
        class_id<Cfg> decide(latch<Cfg> &held) const {
            if (held.set == 0 && this->crossed.any) {
                held.set = 1;
                held.id = this->crossed.first;
            }
            return held.set != 0 ? held.id : this->ranks.best;
        }
    };
};

struct binary_logit {
    template <class Cfg> struct of {
        static_assert(Cfg::n == 2 && Cfg::parallel == 2, "a binary logit is taken between two classes");
        static constexpr int held = 1 + format<typename Cfg::state_t>::held;
        exact<held> difference;
        void see(int, const raw<typename Cfg::state_t> states[2]) {
            difference = exact<held>(states[1]) - exact<held>(states[0]);
        }
        raw<typename Cfg::decision_t> decide(latch<Cfg> &) const {
            return cast<typename Cfg::decision_t, format<typename Cfg::state_t>::frac, held>(difference);
        }
    };
};

// Returns whether this timestep gives a decision. `last` is given with arrays, and taken from the beats of a FIFO.
template <class Cfg, class In>
bit_t readout(In &in, bit_t &last, bit_t &fresh, raw<typename Cfg::state_t> state[Cfg::groups][Cfg::parallel],
              latch<Cfg> &held, raw<typename Cfg::decision_t> &decision) {
#pragma HLS INLINE
    typedef raw<typename Cfg::state_t> state_word;
    typedef intake<Cfg::n, Cfg::in_lanes, Cfg::parallel> taking;
    raw<typename Cfg::in_t> values[taking::registers];
#pragma HLS ARRAY_PARTITION variable=values complete
    typename taking::place from;
    typename Cfg::rule::template of<Cfg> rule;
Groups:
    for (int g = 0; g < Cfg::groups; g++) {
#pragma HLS PIPELINE II=taking::beats
        state_word states[Cfg::parallel];
#pragma HLS ARRAY_PARTITION variable=states complete
        taking::next(in, from, values, last);
    Classes:
        for (int p = 0; p < Cfg::parallel; p++) {
#pragma HLS UNROLL
            const state_word before = fresh != 0 ? state_word(0) : state[g][p];
            states[p] = integrated<Cfg>(before, values[p]);
            state[g][p] = states[p];
        }
        rule.see(g, states);
    }
    if (fresh != 0) held.set = 0;
    decision = rule.decide(held);
    fresh = last;
    return Cfg::every_step ? bit_t(1) : last;
}

}  // namespace hlspike

#endif
