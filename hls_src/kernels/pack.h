// What travels between layers when io is stream: `lanes` neighbouring values of one timestep, and the timestep's
// `last` with every pack. A vector of n values is n / lanes packs, first values first. Every layer reads the packs of
// one timestep, works on the array, and writes the packs of one timestep: no FIFO needs more than one timestep, and
// none can deadlock, because each layer consumes its whole input before it produces.
#ifndef HLSPIKE_KERNELS_PACK_H
#define HLSPIKE_KERNELS_PACK_H

#include <hls_stream.h>

#include "ap.h"

namespace hlspike {

template <class T, int Lanes> struct pack {
    static_assert(Lanes * T::width < 1024, "a pack is wider than the tools' 1024 bits");
    T data[Lanes];
    bit_t last;
};

template <int N, class T, int Lanes> bit_t read_packs(hls::stream<pack<T, Lanes>> &in, T values[N]) {
    static_assert(N % Lanes == 0, "the values do not divide into packs");
    bit_t last = 0;
Read:
    for (int i = 0; i < N; i += Lanes) {
#pragma HLS PIPELINE II=1
        const pack<T, Lanes> packed = in.read();
        last = packed.last;
    Unpack:
        for (int l = 0; l < Lanes; l++) {
#pragma HLS UNROLL
            values[i + l] = packed.data[l];
        }
    }
    return last;
}

template <int N, class T, int Lanes> void write_packs(const T values[N], bit_t last, hls::stream<pack<T, Lanes>> &out) {
    static_assert(N % Lanes == 0, "the values do not divide into packs");
Write:
    for (int i = 0; i < N; i += Lanes) {
#pragma HLS PIPELINE II=1
        pack<T, Lanes> packed;
    Pack:
        for (int l = 0; l < Lanes; l++) {
#pragma HLS UNROLL
            packed.data[l] = values[i + l];
        }
        packed.last = last;
        out.write(packed);
    }
}

// What a host sends: the ingress adds `last`.
template <class T, int Lanes> struct lane_group {
    T data[Lanes];
};

template <int N, class T, int Lanes>
void mark_packs(hls::stream<lane_group<T, Lanes>> &in, bit_t last, hls::stream<pack<T, Lanes>> &out) {
Mark:
    for (int i = 0; i < N; i += Lanes) {
#pragma HLS PIPELINE II=1
        const lane_group<T, Lanes> received = in.read();
        pack<T, Lanes> packed;
    Copy:
        for (int l = 0; l < Lanes; l++) {
#pragma HLS UNROLL
            packed.data[l] = received.data[l];
        }
        packed.last = last;
        out.write(packed);
    }
}

}  // namespace hlspike

#endif
