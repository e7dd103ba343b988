// y = W x + b for one timestep of spikes, of which only the ones cost a cycle. The values are those of linear.h.
//
// Words: spikes are taken word by word; the words that hold a one are kept with the place of their first bit, and the
// ones are counted. Events: one pipelined loop of as many iterations as there are ones times groups of outputs. Each
// finds the next one in its word, clears it and adds its row of weights: the recurrences are one addition in each
// accumulator, and clearing a bit or taking the next word. That word waits in a register, and the one behind it is read
// meanwhile, so no iteration waits for the memory of words, though each word may hold a single one. Groups of outputs are
// outermost, so the accumulators of one group are registers, and a group leaves with its last event. A timestep without
// any one takes an iteration a group.
//
// Cfg: as in linear.h with in_parallel = 1, and taken, the spikes taken at once; a row of weights is that of an input,
//      and in_t is a spike.
#ifndef HLSPIKE_KERNELS_EVENT_H
#define HLSPIKE_KERNELS_EVENT_H

#include "linear.h"

namespace hlspike {

// How many of the last Bits of a word are ones, and the place of the first of them, or Bits - 1 if there is none.
template <int Bits> struct ones {
    static constexpr int half = (Bits + 1) / 2;
    typedef typename counter<Bits>::type count_t;
    template <class Word> static count_t count(const Word &word) {
#pragma HLS INLINE
        return ones<half>::count(word) + ones<Bits - half>::count(Word(word >> half));
    }
    template <class Word> static count_t first(const Word &word) {
#pragma HLS INLINE
        const count_t low = ones<half>::first(word), high = half + ones<Bits - half>::first(Word(word >> half));
        return (word & Word((1LL << half) - 1)) != 0 ? low : high;
    }
};
template <> struct ones<1> {
    typedef counter<1>::type count_t;
    template <class Word> static count_t count(const Word &word) { return count_t(word & 1); }
    template <class Word> static count_t first(const Word &) { return 0; }
};

template <class Cfg> struct event_flow {
    typedef intake<Cfg::n_in, Cfg::in_lanes, Cfg::taken> taking;
    typedef outlet<Cfg::n_out, Cfg::out_lanes, Cfg::out_parallel> giving;
    // bits of a word, words of what is taken at once, and words of a timestep
    static constexpr int bits = least(32, Cfg::taken), words = rounded_up(Cfg::taken, bits);
    static constexpr int all = words * (Cfg::n_in / Cfg::taken);
    typedef typename natural<bits>::type word_t;
    typedef typename counter<Cfg::n_in>::type place_t;
};

template <class Cfg, class In, class Out> void event(In &in, bit_t &last, Out &out) {
#pragma HLS INLINE
    static_assert(is_spike<typename Cfg::in_t>::value, "events are spikes");
    static_assert(Cfg::in_parallel == 1, "an event is one input");
    static_assert(Cfg::n_in % Cfg::taken == 0, "the inputs do not divide into what is taken at once");
    static_assert(Cfg::n_out % Cfg::out_parallel == 0, "the outputs do not divide into groups of out_parallel");
    constexpr int groups_out = Cfg::n_out / Cfg::out_parallel;
    static_assert(Cfg::n_in * groups_out == Cfg::reuse_factor, "the groups are not as many as the reuse factor");
    typedef event_flow<Cfg> own;
    typedef typename own::taking taking;
    typedef typename own::giving giving;
    typedef typename own::word_t word_t;

    raw<typename Cfg::in_t> held[taking::registers], part[Cfg::taken];
#pragma HLS ARRAY_PARTITION variable=held complete
#pragma HLS ARRAY_PARTITION variable=part complete
    // two more than there can be, which are read ahead and never looked at
    word_t words[own::all + 2];
#pragma HLS BIND_STORAGE variable=words type=ram_s2p impl=lutram
    typename own::place_t places[own::all + 2];
#pragma HLS BIND_STORAGE variable=places type=ram_s2p impl=lutram
    typename taking::place from;
    typename own::place_t place = 0, spikes = 0;
    typename counter<own::all>::type found = 0;
    typename counter<own::words>::type phase = 0;
    words[0] = 0;
    places[0] = 0;

Words:
    for (int w = 0; w < own::all; w++) {
#pragma HLS PIPELINE II=taking::beats
        if (own::words == 1 || phase == 0) {
            taking::next(in, from, held, last);
        Take:
            for (int p = 0; p < Cfg::taken; p++) {
#pragma HLS UNROLL
                part[p] = held[p];
            }
        } else {
        Move:
            for (int p = 0; p < Cfg::taken - own::bits; p++) {
#pragma HLS UNROLL
                part[p] = part[p + own::bits];
            }
        Clear:
            for (int p = Cfg::taken - own::bits; p < Cfg::taken; p++) {
#pragma HLS UNROLL
                part[p] = 0;
            }
        }
        word_t word = 0;
    Bits:
        for (int b = 0; b < own::bits; b++) {
#pragma HLS UNROLL
            word |= word_t(word_t(part[b]) << b);
        }
        if (word != 0) {
            words[found] = word;
            places[found] = place;
            found++;
        }
        spikes += ones<own::bits>::count(word);
        if (phase == own::words - 1) {
            place += Cfg::taken - (own::words - 1) * own::bits;
            phase = 0;
        } else {
            place += own::bits;
            phase++;
        }
    }

    raw<typename Cfg::out_t> results[giving::registers], waiting[giving::waiting];
#pragma HLS ARRAY_PARTITION variable=results complete
#pragma HLS ARRAY_PARTITION variable=waiting complete
    typename giving::place to;
    accumulator<Cfg> acc[Cfg::out_parallel];
#pragma HLS ARRAY_PARTITION variable=acc complete
    const bool silent = spikes == 0;
    const typename product<Cfg>::operand_t x = product<Cfg>::operand(raw<typename Cfg::in_t>(!silent));
    const int events = (silent ? 1 : int(spikes)) * groups_out;
    // with which each group of outputs begins
    const word_t begin = words[0], second = words[1];
    const typename own::place_t begin_place = places[0], second_place = places[1];
    word_t word = begin, ahead = second;
    typename own::place_t ahead_place = second_place;
    place = begin_place;
    typename counter<own::all + 1>::type k = 2;
    typename own::place_t s = 1;
    typename counter<groups_out>::type h = 0;
    typename counter<Cfg::reuse_factor>::type first_row = 0;

Events:
    for (int e = 0; e < events; e++) {
#pragma HLS PIPELINE II=giving::beats
#pragma HLS LOOP_TRIPCOUNT min=groups_out max=Cfg::reuse_factor
        const int row = first_row + place + ones<own::bits>::first(word);
        const bool first = s == 1, done = silent || s == spikes;
        word = word_t(word & (word - 1));
        const word_t behind = words[k];
        const typename own::place_t behind_place = places[k];
    Accumulate:
        for (int q = 0; q < Cfg::out_parallel; q++) {
#pragma HLS UNROLL
            const typename partial<Cfg, 1>::type added = product<Cfg>::of(Cfg::weight(row, q), x);
            acc[q] = (first ? accumulator<Cfg>(0) : acc[q]) + added;
        }
        if (done) {
        Results:
            for (int q = 0; q < Cfg::out_parallel; q++) {
#pragma HLS UNROLL
                results[q] = result_of<Cfg>(acc[q], h, q);
            }
            giving::next(out, to, results, waiting, last);
            s = 1;
            h++;
            first_row += Cfg::n_in;
        } else {
            s++;
        }
        if (done) {
            word = begin;
            place = begin_place;
            ahead = second;
            ahead_place = second_place;
            k = 2;
        } else if (word == 0) {
            word = ahead;
            place = ahead_place;
            ahead = behind;
            ahead_place = behind_place;
            k++;
        }
    }
}

}  // namespace hlspike

#endif
