// Beats in a FIFO, when io is stream: each carries the timestep's `last`. A layer takes a beat when it needs it and gives
// one as soon as it is full, so neighbours work on the same timestep at the same time. A FIFO holds the beats of one
// timestep: then a layer can always finish its timestep while the next one still works on the one before, none waits for
// ever, and the slowest layer alone sets the interval.
#ifndef HLSPIKE_KERNELS_PACK_H
#define HLSPIKE_KERNELS_PACK_H

#include <hls_stream.h>

#include "words.h"

namespace hlspike {

template <class T, int Lanes> struct pack {
    T data[Lanes];
    bit_t last;
};

template <class T, int Lanes> void receive_beat(hls::stream<pack<T, Lanes>> &in, int, T values[Lanes], bit_t &last) {
#pragma HLS INLINE
    const pack<T, Lanes> packed = in.read();
Unpack:
    for (int l = 0; l < Lanes; l++) {
#pragma HLS UNROLL
        values[l] = packed.data[l];
    }
    last = packed.last;
}

template <class T, int Lanes>
void send_beat(hls::stream<pack<T, Lanes>> &out, int, const T values[Lanes], bit_t last) {
#pragma HLS INLINE
    pack<T, Lanes> packed;
Pack:
    for (int l = 0; l < Lanes; l++) {
#pragma HLS UNROLL
        packed.data[l] = values[l];
    }
    packed.last = last;
    out.write(packed);
}

// A FIFO gives each beat once: what later passes need is kept.
template <class Pack> struct again<hls::stream<Pack>> {
    template <class Taking, int Taken, int Groups, int Passes> struct of {
        static constexpr int kept = Passes > 1 ? Groups : 1;
        template <class T>
        static void next(hls::stream<Pack> &in, typename Taking::place &at, int group, bool first,
                         T held[Taking::registers], T values[kept][Taken], bit_t &last) {
#pragma HLS INLINE
            if (Passes == 1) {
                Taking::next(in, at, held, last);
                return;
            }
            if (first) Taking::next(in, at, held, last);
        Keep:
            for (int p = 0; p < Taken; p++) {
#pragma HLS UNROLL
                if (first) {
                    values[group][p] = held[p];
                } else {
                    held[p] = values[group][p];
                }
            }
        }
    };
};

// Words of a FIFO where kernels have beats: the edges of the design.
template <class Format> struct word_stream {
    template <int Lanes, int Width>
    static void receive(hls::stream<ap_uint<Width>> &in, int, raw<Format> values[Lanes], bit_t &) {
#pragma HLS INLINE
        unpack<Format, Lanes>(in.read(), values);
    }
    template <int Lanes, int Width>
    static void send(hls::stream<ap_uint<Width>> &out, int, const raw<Format> values[Lanes], bit_t) {
#pragma HLS INLINE
        out.write(packed<Format, Lanes, Width>(values));
    }
};

}  // namespace hlspike

#endif
