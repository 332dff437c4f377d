// Stand-in for riegeli; see ../../../README.md.
#pragma once

#include "absl/strings/cord.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"

namespace riegeli {

// riegeli's own kind of cord. No stand-in makes one: it is there for the one function that TensorStore overrides.
class Chain {
 public:
  absl::optional<absl::string_view> TryFlat() const { return bytes_.TryFlat(); }

 private:
  absl::Cord bytes_;
};

}  // namespace riegeli
