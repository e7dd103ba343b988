// How a vector travels from layer to layer: in beats of `Lanes` neighbouring values, the first values first, and in that
// order only. Whether a beat lies in an array or waits in a FIFO (pack.h) makes no difference to a kernel.
//
// Lanes are what the two ends do at once: a multiple of what either gives or takes in an iteration where a beat can be
// that wide, and a part of it where it cannot. Values wait in a register of one beat, which moves by as many places as
// are given or taken, so that none is ever reached through an index that is not a constant.
#ifndef HLSPIKE_KERNELS_BEATS_H
#define HLSPIKE_KERNELS_BEATS_H

#include "ap.h"

namespace hlspike {

constexpr int rounded_up(int a, int b) { return (a + b - 1) / b; }

// A beat of an array; with arrays `last` is handed over apart.
template <class T, int Beats, int Lanes>
void receive_beat(const T (&in)[Beats][Lanes], int beat, T values[Lanes], bit_t &) {
#pragma HLS INLINE
Receive:
    for (int l = 0; l < Lanes; l++) {
#pragma HLS UNROLL
        values[l] = in[beat][l];
    }
}

template <class T, int Beats, int Lanes>
void send_beat(T (&out)[Beats][Lanes], int beat, const T values[Lanes], bit_t) {
#pragma HLS INLINE
Send:
    for (int l = 0; l < Lanes; l++) {
#pragma HLS UNROLL
        out[beat][l] = values[l];
    }
}

// The beats of arrays and, with pack.h, of FIFOs; words.h has others.
struct as_beats {
    template <int Lanes, class In, class T> static void receive(In &in, int beat, T values[Lanes], bit_t &last) {
#pragma HLS INLINE
        receive_beat(in, beat, values, last);
    }
    template <int Lanes, class Out, class T> static void send(Out &out, int beat, const T values[Lanes], bit_t last) {
#pragma HLS INLINE
        send_beat(out, beat, values, last);
    }
};

// Which of `Beats` comes next, and how many of `Turns` times the present one has been taken from or given to. Where there
// is but one, its index is a constant.
template <int Beats, int Turns> struct turn {
    typename counter<Beats>::type beat;
    typename counter<Turns>::type phase;
    turn() : beat(0), phase(0) {}
    int index() const { return Beats == 1 ? 0 : static_cast<int>(beat); }
    void next() {
#pragma HLS INLINE
        phase++;
        if (phase == Turns) {
            phase = 0;
            beat++;
        }
    }
};

// Takes `Taken` of N values an iteration: afterwards they are the first of `held`, an array of `registers` values. `beats`
// is how many an iteration receives, and so its least interval.
template <int N, int Lanes, int Taken, class How = as_beats, bool Wide = (Taken > Lanes)> struct intake {
    static_assert(Lanes % Taken == 0, "the values taken at once divide no beat");
    static constexpr int turns = Lanes / Taken, registers = Lanes, beats = 1;
    typedef turn<rounded_up(N, Lanes), turns> place;
    template <class In, class T> static void next(In &in, place &at, T held[registers], bit_t &last) {
#pragma HLS INLINE
        if (turns == 1 || at.phase == 0) {
            How::template receive<Lanes>(in, at.index(), held, last);
        } else {
        Move:
            for (int l = 0; l < Lanes - Taken; l++) {
#pragma HLS UNROLL
                held[l] = held[l + Taken];
            }
        }
        at.next();
    }
};
template <int N, int Lanes, int Taken, class How> struct intake<N, Lanes, Taken, How, true> {
    static constexpr int beats = rounded_up(Taken, Lanes), registers = beats * Lanes;
    typedef turn<N / Taken * beats, 1> place;
    template <class In, class T> static void next(In &in, place &at, T held[registers], bit_t &last) {
#pragma HLS INLINE
    Beats:
        for (int b = 0; b < beats; b++) {
#pragma HLS UNROLL
            T values[Lanes];
#pragma HLS ARRAY_PARTITION variable=values complete
            How::template receive<Lanes>(in, at.index(), values, last);
        Gather:
            for (int l = 0; l < Lanes; l++) {
#pragma HLS UNROLL
                held[b * Lanes + l] = values[l];
            }
            at.next();
        }
    }
};

// Gives `Given` of N values an iteration, which the kernel has made the first of `values`, an array of `registers`; those
// for which the beat is not full yet wait in `held`, an array of `waiting`.
template <int N, int Lanes, int Given, class How = as_beats, bool Wide = (Given > Lanes)> struct outlet {
    static_assert(Lanes % Given == 0, "the values given at once divide no beat");
    static constexpr int turns = Lanes / Given, registers = Given, waiting = Lanes, beats = 1;
    typedef turn<rounded_up(N, Lanes), turns> place;
    template <class Out, class T>
    static void next(Out &out, place &at, const T values[registers], T held[waiting], bit_t last) {
#pragma HLS INLINE
    Move:
        for (int l = 0; l < Lanes - Given; l++) {
#pragma HLS UNROLL
            held[l] = held[l + Given];
        }
    Append:
        for (int g = 0; g < Given; g++) {
#pragma HLS UNROLL
            held[Lanes - Given + g] = values[g];
        }
        if (turns == 1 || at.phase == turns - 1) How::template send<Lanes>(out, at.index(), held, last);
        at.next();
    }
};
template <int N, int Lanes, int Given, class How> struct outlet<N, Lanes, Given, How, true> {
    static constexpr int turns = 1, beats = rounded_up(Given, Lanes), registers = beats * Lanes, waiting = 1;
    typedef turn<N / Given * beats, 1> place;
    template <class Out, class T>
    static void next(Out &out, place &at, const T values[registers], T[waiting], bit_t last) {
#pragma HLS INLINE
    Beats:
        for (int b = 0; b < beats; b++) {
#pragma HLS UNROLL
            T part[Lanes];
#pragma HLS ARRAY_PARTITION variable=part complete
        Scatter:
            for (int l = 0; l < Lanes; l++) {
#pragma HLS UNROLL
                part[l] = values[b * Lanes + l];
            }
            How::template send<Lanes>(out, at.index(), part, last);
            at.next();
        }
    }
};

// Cycles from one iteration to the next.
template <class Taking, class Giving> struct rate {
    static constexpr int interval = most(Taking::beats, Giving::beats);
};

// The same groups of values once in each of several passes. Here from an array, whose beats can be received again.
template <class In> struct again {
    template <class Taking, int Taken, int Groups, int Passes> struct of {
        static constexpr int kept = 1;
        template <class T>
        static void next(In &in, typename Taking::place &at, int group, bool, T held[Taking::registers],
                         T[kept][Taken], bit_t &last) {
#pragma HLS INLINE
            if (group == 0) at = typename Taking::place();
            Taking::next(in, at, held, last);
        }
    };
};

}  // namespace hlspike

#endif
