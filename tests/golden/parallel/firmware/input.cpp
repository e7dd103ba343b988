// Ingress: decides the last timestep of each sequence. Generated, do not edit.
#include "input.h"

#include "kernels/ingress.h"

namespace {

ap_uint<2> input_elapsed = 0;

}  // namespace

void input_step(hlspike::bit_t &last) {
#pragma HLS RESET variable=input_elapsed
    last = hlspike::every<4>(input_elapsed);
}
