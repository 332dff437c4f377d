// Stand-in for riegeli; see ../../../README.md.
#pragma once

#include <tuple>
#include <utility>

#include "riegeli/base/maker.h"

namespace riegeli {

// A value that a function takes ready-made or as the arguments to make it of.
template <typename T>
struct Initializer {
  T value;

  template <typename... Args>
  Initializer(MakerType<Args...> maker) : value(std::make_from_tuple<T>(std::move(maker.args))) {}
};

}  // namespace riegeli
