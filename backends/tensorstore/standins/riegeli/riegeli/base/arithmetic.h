// Stand-in for riegeli; see ../../../README.md.
#pragma once

#include <type_traits>

namespace riegeli {

// The smaller of two unsigned values of any width.
template <typename A, typename B>
constexpr auto UnsignedMin(A a, B b) {
  static_assert(std::is_unsigned_v<A> && std::is_unsigned_v<B>);
  using Common = std::common_type_t<A, B>;
  return Common(a) < Common(b) ? Common(a) : Common(b);
}

}  // namespace riegeli
