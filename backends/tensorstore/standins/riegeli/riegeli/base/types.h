// Stand-in for riegeli; see ../../../README.md.
#pragma once

#include <cstdint>

namespace riegeli {

// A place in a stream, in bytes from its start.
using Position = uint64_t;

}  // namespace riegeli
