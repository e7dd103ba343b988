// The readout: a count or a membrane per class, and the decision taken from them.
//
// Cfg: n, in_t, state_t, decision_t; integrator (accumulate | leak), rule (argmax | threshold_then_argmax |
//      first_to_threshold | binary_logit), every_step; class_threshold; static beta(int k)
#ifndef HLSPIKE_KERNELS_READOUT_H
#define HLSPIKE_KERNELS_READOUT_H

#include "ap.h"

namespace hlspike {

// m_k = m_k + x_k, exact, one cast into state_t; a spike counts as 1.
struct accumulate {
    template <class Cfg>
    static typename Cfg::state_t next(const typename Cfg::state_t &state, const typename Cfg::in_t &x, int) {
        return state + x;
    }
};

// m_k = beta m_k + x_k, likewise.
struct leak {
    template <class Cfg>
    static typename Cfg::state_t next(const typename Cfg::state_t &state, const typename Cfg::in_t &x, int k) {
        return Cfg::beta(k) * state + x;
    }
};

// What a rule remembers of the sequence besides the states.
struct latch {
    bit_t set;
    int id;
};

template <class Cfg> int largest(const typename Cfg::state_t state[Cfg::n]) {
    int best = 0;
Largest:
    for (int k = 1; k < Cfg::n; k++) {
#pragma HLS UNROLL
        if (state[k] > state[best]) best = k;
    }
    return best;
}

// The lowest class that has reached class_threshold; n if none has.
template <class Cfg> int reached(const typename Cfg::state_t state[Cfg::n]) {
    int first = Cfg::n;
Reached:
    for (int k = Cfg::n - 1; k >= 0; k--) {
#pragma HLS UNROLL
        if (state[k] >= Cfg::class_threshold) first = k;
    }
    return first;
}

struct argmax {
    template <class Cfg> static typename Cfg::decision_t decide(const typename Cfg::state_t state[Cfg::n], latch &) {
        return largest<Cfg>(state);
    }
};

struct threshold_then_argmax {
    template <class Cfg> static typename Cfg::decision_t decide(const typename Cfg::state_t state[Cfg::n], latch &) {
        const int first = reached<Cfg>(state);
        return first < Cfg::n ? first : largest<Cfg>(state);
    }
};

struct first_to_threshold {
    template <class Cfg> static typename Cfg::decision_t decide(const typename Cfg::state_t state[Cfg::n], latch &held) {
        const int first = reached<Cfg>(state);
        if (held.set == 0 && first < Cfg::n) {
            held.set = 1;
            held.id = first;
        }
        return held.set != 0 ? held.id : largest<Cfg>(state);
    }
};

struct binary_logit {
    template <class Cfg> static typename Cfg::decision_t decide(const typename Cfg::state_t state[Cfg::n], latch &) {
        static_assert(Cfg::n == 2, "a binary logit is taken between two classes");
        return state[1] - state[0];
    }
};

// Returns whether this timestep gives a decision.
template <class Cfg>
bit_t readout(const typename Cfg::in_t in[Cfg::n], bit_t last, bit_t &fresh, typename Cfg::state_t state[Cfg::n],
              latch &held, typename Cfg::decision_t &decision) {
Classes:
    for (int k = 0; k < Cfg::n; k++) {
#pragma HLS UNROLL
        const typename Cfg::state_t before = fresh != 0 ? typename Cfg::state_t(0) : state[k];
        state[k] = Cfg::integrator::template next<Cfg>(before, in[k], k);
    }
    if (fresh != 0) held.set = 0;
    decision = Cfg::rule::template decide<Cfg>(state, held);
    fresh = last;
    return Cfg::every_step ? bit_t(1) : last;
}

}  // namespace hlspike

#endif
