#include "harness.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "npy.h"
#include "serve.h"

namespace harness {

namespace {

struct options {
    std::string data, out;
    bool spikes = false, states = false;
    int socket = -1;  // none
    bool afresh = false;
};

bool exists(const std::string &path) {
    std::FILE *file = std::fopen(path.c_str(), "rb");
    if (file) std::fclose(file);
    return file != nullptr;
}

// From the project's folder, from its tb/, and from where Vitis runs a test bench: <project>/<solution>/csim/build
// and the wrapper folders of co-simulation.
std::string sought() {
    std::string up;
    for (int level = 0; level < 7; level++, up += "../")
        for (const char *folder : {"tb/data/", "data/", ""})
            if (exists(up + folder + "expected.npy")) return up + folder;
    throw std::runtime_error("tb/data/expected.npy: not found; run from the project's folder or give --data DIR");
}

// -1 if it is none.
int number(const std::string &text) {
    const bool digits = !text.empty() && text.size() < 9 && text.find_first_not_of("0123456789") == std::string::npos;
    return digits ? std::atoi(text.c_str()) : -1;
}

options parse(int argc, char **argv) {
    options chosen;
    for (int i = 1; i < argc; i += 2) {
        const std::string name = argv[i];
        if (i + 1 == argc) throw std::runtime_error(name + ": a value is missing");
        const std::string value = argv[i + 1];
        if (name == "--data") {
            chosen.data = value + "/";
        } else if (name == "--out") {
            chosen.out = value + "/";
        } else if (name == "--trace" && (value == "decisions" || value == "spikes" || value == "states")) {
            chosen.spikes = value != "decisions";
            chosen.states = value == "states";
        } else if ((name == "--calls" || name == "--steps") && number(value) >= 0) {
            chosen.socket = number(value);
            chosen.afresh = name == "--calls";
        } else {
            throw std::runtime_error(name + " " + value +
                                     ": unknown; options are --data DIR, --out DIR, --trace decisions|spikes|states, "
                                     "--calls FD, --steps FD");
        }
    }
    if (chosen.data.empty() && chosen.socket < 0) chosen.data = sought();
    return chosen;
}

// The files of one probe.
class recorder {
public:
    recorder(const probe &from, const options &chosen, size_t sequences, size_t timesteps)
        : from_(from), spikes_(from.size), silence_(from.size), rest_(from.size) {
        const std::vector<size_t> shape = {sequences, timesteps, static_cast<size_t>(from.size)};
        const std::string id = from.id;
        if (chosen.spikes && from.spikes) spike_file_.reset(new writer(chosen.out + "spikes__" + id + ".npy", "|u1", shape));
        std::istringstream names(from.states);
        size_t count = 0;
        for (std::string name; names >> name; count++)
            if (chosen.states)
                state_files_.emplace_back(new writer(chosen.out + name + "__" + id + ".npy", "<i8", shape));
        states_.resize(count * from.size);
    }
    bool idle() const { return !spike_file_ && state_files_.empty(); }
    void record() {
        from_.read(spikes_.data(), states_.data());
        if (spike_file_) spike_file_->put(spikes_.data(), spikes_.size());
        for (size_t k = 0; k < state_files_.size(); k++) state_files_[k]->put(states_.data() + k * from_.size, from_.size);
    }
    void pad() {
        if (spike_file_) spike_file_->put(silence_.data(), silence_.size());
        for (auto &file : state_files_) file->put(rest_.data(), rest_.size());
    }
    void close(size_t sequences) {
        if (spike_file_) spike_file_->close(sequences);
        for (auto &file : state_files_) file->close(sequences);
    }

private:
    const probe &from_;
    std::vector<unsigned char> spikes_;
    std::vector<long long> states_;
    const std::vector<unsigned char> silence_;
    const std::vector<long long> rest_;
    std::unique_ptr<writer> spike_file_;
    std::vector<std::unique_ptr<writer>> state_files_;
};

// Emissions against expected.npy: the first that differs is told.
class judge {
public:
    judge(const std::string &path, size_t width) : expected_(path), width_(width), row_(width) {
        if (expected_.shape().size() != 2 || expected_.shape()[1] != width)
            throw std::runtime_error(path + ": must have " + std::to_string(width) + " columns");
    }
    void see(const long long *row, size_t sequence, size_t timestep) {
        if (seen_ < expected_.shape()[0]) {
            expected_.copy(seen_ * width_, width_, row_.data());
            for (size_t k = 0; k < width_; k++) {
                if (row[k] == row_[k]) continue;
                if (!wrong_)
                    std::printf("mismatch: sequence %zu, timestep %zu, output %zu: expected %lld, found %lld\n", sequence,
                                timestep, k, row_[k], row[k]);
                wrong_++;
            }
        }
        seen_++;
    }
    bool verdict() const {
        if (seen_ != expected_.shape()[0])
            std::printf("mismatch: %zu emissions expected, %zu found\n", expected_.shape()[0], seen_);
        std::printf("%zu emissions, %zu values differ from expected.npy\n", seen_, wrong_);
        return !wrong_ && seen_ == expected_.shape()[0];
    }
    size_t seen() const { return seen_; }

private:
    const array expected_;
    const size_t width_;
    std::vector<long long> row_;
    size_t seen_ = 0, wrong_ = 0;
};

bool simulate(size_t frame, size_t outputs, step_function step, const probe *probes, int n_probes,
              const options &chosen) {
    const array input(chosen.data + "input.npy"), lengths(chosen.data + "lengths.npy");
    if (input.shape().size() != 3 || input.shape()[2] * input.item() != frame)
        throw std::runtime_error(chosen.data + "input.npy: must have " + std::to_string(frame) + " bytes per timestep");
    const size_t sequences = input.shape()[0], timesteps = input.shape()[1];
    if (lengths.shape().size() != 1 || lengths.shape()[0] != sequences)
        throw std::runtime_error(chosen.data + "lengths.npy: must have one value per sequence");
    judge compare(chosen.data + "expected.npy", outputs);
    std::vector<std::unique_ptr<recorder>> recorders;
    std::unique_ptr<writer> emitted;
    if (!chosen.out.empty()) {
        emitted.reset(new writer(chosen.out + "emitted.npy", "<i8", {0, outputs}));
        for (int i = 0; i < n_probes; i++) {
            std::unique_ptr<recorder> one(new recorder(probes[i], chosen, sequences, timesteps));
            if (!one->idle()) recorders.push_back(std::move(one));
        }
    }
    std::vector<long long> row(outputs);
    for (size_t n = 0; n < sequences; n++) {
        const size_t used = static_cast<size_t>(lengths[n]);
        if (used > timesteps) throw std::runtime_error(chosen.data + "lengths.npy: a sequence is longer than input.npy");
        for (size_t t = 0; t < timesteps; t++) {
            if (t >= used) {
                for (auto &one : recorders) one->pad();
                continue;
            }
            if (step(input.bytes() + (n * timesteps + t) * frame, t + 1 == used, row.data())) {
                compare.see(row.data(), n, t);
                if (emitted) emitted->put(row.data(), outputs);
            }
            for (auto &one : recorders) one->record();
        }
    }
    if (emitted) emitted->close(compare.seen());
    for (auto &one : recorders) one->close(sequences);
    return compare.verdict();
}

}  // namespace

int run(int frame, int outputs, step_function step, const probe *probes, int n_probes, int argc, char **argv) {
    try {
        const options chosen = parse(argc, argv);
        if (chosen.socket >= 0) {
            serve(chosen.socket, chosen.afresh, frame, outputs, step);
            return 0;
        }
        return simulate(frame, outputs, step, probes, n_probes, chosen) ? 0 : 1;
    } catch (const std::exception &error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 2;
    }
}

}  // namespace harness
