#include "serve.h"

#include <stdexcept>

#ifdef __unix__

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

namespace harness {

namespace {

const size_t most = 1 << 16;  // bytes of timesteps that are read at once
const size_t slack = 128;     // as array::slack: a word may be taken from behind a timestep

// False if the socket was closed before the first byte.
bool receive(int socket, void *to, size_t size) {
    char *at = static_cast<char *>(to);
    for (size_t got = 0; got < size;) {
        const ssize_t found = ::read(socket, at + got, size - got);
        if (found < 0 && errno == EINTR) continue;
        if (found == 0 && got == 0) return false;
        if (found <= 0) throw std::runtime_error("socket: a request is cut off");
        got += static_cast<size_t>(found);
    }
    return true;
}

void send(int socket, const void *from, size_t size) {
    const char *at = static_cast<const char *>(from);
    for (size_t gone = 0; gone < size;) {
        const ssize_t taken = ::write(socket, at + gone, size - gone);
        if (taken < 0 && errno == EINTR) continue;
        if (taken <= 0) throw std::runtime_error("socket: an answer cannot be sent");
        gone += static_cast<size_t>(taken);
    }
}

// One request; false if there is none any more.
bool answer(int socket, size_t frame, size_t outputs, step_function step) {
    long long timesteps;
    if (!receive(socket, &timesteps, sizeof timesteps)) return false;
    const size_t record = frame + 1, together = std::max<size_t>(1, most / record);
    std::vector<unsigned char> records(together * record + slack);
    std::vector<long long> row(outputs), found(1);
    for (size_t left = static_cast<size_t>(timesteps); left > 0;) {
        const size_t now = std::min(left, together);
        if (!receive(socket, records.data(), now * record)) throw std::runtime_error("socket: a request is cut off");
        for (size_t t = 0; t < now; t++) {
            const unsigned char *one = records.data() + t * record;
            if (step(one + 1, one[0] != 0, row.data())) found.insert(found.end(), row.begin(), row.end());
        }
        left -= now;
    }
    found[0] = static_cast<long long>((found.size() - 1) / outputs);
    send(socket, found.data(), found.size() * sizeof found[0]);
    return true;
}

// A child that waits for a request in the initial state, so that none has to wait for a child; false if none came.
bool answered_afresh(int socket, size_t frame, size_t outputs, step_function step) {
    const int none = 77;
    const pid_t child = ::fork();
    if (child < 0) throw std::runtime_error("no child can be made");
    if (child == 0) ::_exit(answer(socket, frame, outputs, step) ? 0 : none);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0)
        if (errno != EINTR) throw std::runtime_error("a child is lost");
    if (WIFEXITED(status) && WEXITSTATUS(status) == none) return false;
    // what it has said of itself stands before
    if (status != 0) throw std::runtime_error("the design ended its process");
    return true;
}

}  // namespace

void serve(int socket, bool afresh, size_t frame, size_t outputs, step_function step) {
    while (afresh ? answered_afresh(socket, frame, outputs, step) : answer(socket, frame, outputs, step)) continue;
}

}  // namespace harness

#else

namespace harness {

void serve(int, bool, size_t, size_t, step_function) {
    throw std::runtime_error("--calls and --steps need a Unix");
}

}  // namespace harness

#endif
