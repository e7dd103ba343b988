// hls::stream with a depth, in place of AMD's: for C simulation only, on request, and never before Vitis. AMD's FIFO is
// without bounds in C simulation, so that it cannot show that hardware would wait for ever.
//
// C simulation runs the layers one after the other, each to the end of its timestep. If no FIFO overflows then, there is
// an order in which every layer finishes; and because a layer's output does not depend on when its input comes, no order
// that hardware takes can lock up. A write to a full FIFO, or a read from an empty one, ends the program.
#ifndef HARNESS_BOUNDED_HLS_STREAM_H
#define HARNESS_BOUNDED_HLS_STREAM_H

#include <cstdio>
#include <cstdlib>
#include <vector>

namespace hls {

// The depths of the FIFOs in the order in which the design makes them, again and again; those made before it are told
// have no bound.
struct depths {
    static void of(const int *given, int count) {
        next(given, count, true);
    }
    static int next(const int *given = nullptr, int count = 0, bool set = false) {
        static const int *every = nullptr;
        static int many = 0, at = 0;
        if (set) {
            every = given;
            many = count;
            at = 0;
        }
        if (set || many == 0) return 0;
        const int depth = every[at];
        at = at + 1 == many ? 0 : at + 1;
        return depth;
    }
};

template <class T> class stream {
public:
    stream() : depth_(depths::next()) {}
    stream(const stream &) = delete;
    stream &operator=(const stream &) = delete;
    bool empty() const { return first_ == values_.size(); }
    T read() {
        if (empty()) stop("is read while empty");
        const T value = values_[first_++];
        if (empty()) {
            values_.clear();
            first_ = 0;
        }
        return value;
    }
    void write(const T &value) {
        if (depth_ > 0 && values_.size() - first_ == static_cast<size_t>(depth_)) stop("is written while full");
        values_.push_back(value);
    }

private:
    [[noreturn]] void stop(const char *what) const {
        std::fprintf(stderr, "a FIFO of depth %d %s: the design would wait for ever\n", depth_, what);
        std::exit(3);
    }
    const int depth_;
    std::vector<T> values_;
    size_t first_ = 0;
};

}  // namespace hls

#endif
