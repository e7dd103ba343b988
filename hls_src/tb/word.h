// Words for the design out of a packed timestep.
#ifndef HARNESS_WORD_H
#define HARNESS_WORD_H

#include <ap_int.h>

#include <cstring>

namespace harness {

// 64 bits from bit `first` on; what is behind the timestep has no meaning, but can be read, see array::slack.
inline unsigned long long part_at(const unsigned char *frame, size_t first) {
    unsigned long long bits;
    std::memcpy(&bits, frame + first / 8, sizeof bits);
    const unsigned at = first % 8;
    return at == 0 ? bits : bits >> at | static_cast<unsigned long long>(frame[first / 8 + 8]) << (64 - at);
}

template <int Width> void assign(ap_uint<Width> &word, const unsigned long long parts[]) {
    for (int c = 0; c < Width / 64; c++) word.range(64 * c + 63, 64 * c) = parts[c];
}

// Whether a word is its parts, one after the other: then it is copied, because assigning a part of it takes AMD's headers
// a hundred times as long.
template <int Width> bool is_its_parts() {
    unsigned long long parts[Width / 64];
    for (int c = 0; c < Width / 64; c++) parts[c] = 0x0123456789abcdefULL * (2 * c + 3);
    ap_uint<Width> assigned, copied;
    if (sizeof copied != sizeof parts) return false;
    assign(assigned, parts);
    std::memcpy(static_cast<void *>(&copied), parts, sizeof parts);
    return assigned == copied;
}

template <int Width, bool Long = (Width > 64)> struct word {
    static ap_uint<Width> at(const unsigned char *frame, size_t first) { return part_at(frame, first); }
};
template <int Width> struct word<Width, true> {
    static ap_uint<Width> at(const unsigned char *frame, size_t first) {
        static const bool copies = is_its_parts<Width>();
        unsigned long long parts[Width / 64];
        for (int c = 0; c < Width / 64; c++) parts[c] = part_at(frame, first + 64 * c);
        ap_uint<Width> made;
        if (copies) {
            std::memcpy(static_cast<void *>(&made), parts, sizeof parts);
        } else {
            assign(made, parts);
        }
        return made;
    }
};

// A word of Width bits, the lowest of them bit `first` of a timestep.
template <int Width> ap_uint<Width> word_at(const unsigned char *frame, size_t first) {
    return word<Width>::at(frame, first);
}

}  // namespace harness

#endif
