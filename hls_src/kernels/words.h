// The edges of the design: the values of a beat side by side in one ap_uint, the first in the lowest bits, whatever is
// left above them without meaning.
#ifndef HLSPIKE_KERNELS_WORDS_H
#define HLSPIKE_KERNELS_WORDS_H

#include "beats.h"
#include "cast.h"

namespace hlspike {

// A word is taken apart and put together in parts of 64 bits, because machine integers are fast in C simulation; in
// hardware all of it is wires.
typedef unsigned long long part_t;

template <class Format> raw<Format> value_of(part_t bits) {
    typedef format<Format> of;
    return raw<Format>(last_bits<of::width, of::is_signed>::of(static_cast<long long>(bits)));
}
template <> inline raw<ap_uint<1>> value_of<ap_uint<1>>(part_t bits) { return raw<ap_uint<1>>((bits & 1) != 0); }

template <class Format> part_t bits_of_value(const raw<Format> &value) {
    constexpr int width = format<Format>::width;
    return static_cast<part_t>(static_cast<long long>(value)) & (~part_t(0) >> (64 - width));
}

// Values that no two parts share are read one after the other, others wherever they lie.
template <class Format, int Lanes, bool Apart = (64 % format<Format>::width == 0)> struct taken_apart {
    static constexpr int width = format<Format>::width, held = 64 / width;
    static void from(const part_t parts[], raw<Format> values[Lanes]) {
#pragma HLS INLINE
    Parts:
        for (int c = 0; c < rounded_up(Lanes, held); c++) {
#pragma HLS UNROLL
            part_t bits = parts[c];
        Values:
            for (int k = 0; k < held; k++) {
#pragma HLS UNROLL
                if (c * held + k < Lanes) values[c * held + k] = value_of<Format>(bits);
                bits >>= width % 64;
            }
        }
    }
};
template <class Format, int Lanes> struct taken_apart<Format, Lanes, false> {
    static constexpr int width = format<Format>::width;
    static void from(const part_t parts[], raw<Format> values[Lanes]) {
#pragma HLS INLINE
    Values:
        for (int l = 0; l < Lanes; l++) {
#pragma HLS UNROLL
            const int first = l * width / 64, at = l * width % 64;
            part_t bits = parts[first] >> at;
            if (at + width > 64) bits |= parts[first + 1] << (64 - at);
            values[l] = value_of<Format>(bits);
        }
    }
};

template <class Format, int Lanes, int Width> void unpack(const ap_uint<Width> &word, raw<Format> values[Lanes]) {
#pragma HLS INLINE
    constexpr int parts = rounded_up(Width, 64);
    part_t part[parts];
#pragma HLS ARRAY_PARTITION variable=part complete
    ap_uint<Width> rest = word;
Split:
    for (int c = 0; c < parts; c++) {
#pragma HLS UNROLL
        part[c] = rest.to_uint64();
        if (parts > 1) rest >>= 64 % Width;
    }
    taken_apart<Format, Lanes>::from(part, values);
}

template <class Format, int Lanes, int Width> ap_uint<Width> packed(const raw<Format> values[Lanes]) {
#pragma HLS INLINE
    constexpr int width = format<Format>::width;
    ap_uint<Width> word = 0;
Pack:
    for (int l = 0; l < Lanes; l++) {
#pragma HLS UNROLL
        word.range(l * width + width - 1, l * width) = bits_of_value<Format>(values[l]);
    }
    return word;
}

// Words of an array where kernels have beats.
template <class Format> struct word_array {
    template <int Lanes, int Width>
    static void receive(const ap_uint<Width> in[], int beat, raw<Format> values[Lanes], bit_t &) {
#pragma HLS INLINE
        unpack<Format, Lanes>(in[beat], values);
    }
    template <int Lanes, int Width>
    static void send(ap_uint<Width> out[], int beat, const raw<Format> values[Lanes], bit_t) {
#pragma HLS INLINE
        out[beat] = packed<Format, Lanes, Width>(values);
    }
};

}  // namespace hlspike

#endif
