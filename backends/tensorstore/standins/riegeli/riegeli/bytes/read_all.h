// Stand-in for riegeli; see ../../../README.md.
#pragma once

#include "absl/status/status.h"
#include "riegeli/bytes/reader.h"

namespace riegeli {

// All that is left of `src`; a string_view lives as long as `src`.
template <typename Dest>
absl::Status ReadAll(Reader& src, Dest& dest) {
  return src.ReadRest(dest) ? absl::OkStatus() : src.status();
}

template <typename Dest>
absl::Status ReadAll(Reader* src, Dest& dest) {
  return ReadAll(*src, dest);
}

}  // namespace riegeli
