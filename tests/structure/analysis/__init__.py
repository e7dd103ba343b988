"""The generated C++ as an HLS compiler sees it: clang and LLVM make of it what decides a schedule, which is counted."""
