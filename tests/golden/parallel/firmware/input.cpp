// Ingress: decides the last timestep of each sequence. Generated, do not edit.
#include "input.h"

#include "kernels/ingress.h"

namespace {

ap_uint<2> input_elapsed = 0;

}  // namespace

void input_step(const input_ports::word_t in[1], input_ports::out_beats &out, hlspike::bit_t &last_out) {
#pragma HLS PIPELINE II=1
#pragma HLS RESET variable=input_elapsed
    const hlspike::bit_t last = hlspike::every<4>(input_elapsed);
    hlspike::ingress<input_ports, const input_ports::word_t *>(in, last, out);
    last_out = last;
}
