// Stand-in for riegeli; see ../../../README.md.
#pragma once

#include <tuple>
#include <type_traits>
#include <utility>

namespace riegeli {

// Arguments of a constructor that somebody else will call.
template <typename... Args>
struct MakerType {
  std::tuple<Args...> args;
};

template <typename... Args>
MakerType<std::decay_t<Args>...> Maker(Args&&... args) {
  return {{std::forward<Args>(args)...}};
}

}  // namespace riegeli
