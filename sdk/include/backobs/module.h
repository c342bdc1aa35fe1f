// SPDX-License-Identifier: MIT
#pragma once

/// Adding torch::nn modules to a Network. Separate from network.h because torch's headers are slow to compile.

#include <backobs/network.h>

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include <functional>
#include <typeinfo>
#include <utility>

namespace backobs {

/// The forward of a module whose type is only known where it was added.
using ModuleForward = std::function<Tensor(const TensorList&)>;

/// The rule for exactly this module type, or one that records autograd around `forward` if there is none.
BACKOBS_API std::shared_ptr<const LayerRule> rule_for(const std::type_info& type,
                                                      std::shared_ptr<torch::nn::Module> module,
                                                      ModuleForward forward);

namespace detail {

template <typename Impl, std::size_t... I>
auto call(Impl& module, const TensorList& x, std::index_sequence<I...>) -> decltype(module.forward(x[I]...)) {
  return module.forward(x[I]...);
}
template <typename Impl, typename Indices, typename = void>
struct CanCall : std::false_type {};
template <typename Impl, typename Indices>
struct CanCall<Impl, Indices,
               std::void_t<decltype(call(std::declval<Impl&>(), std::declval<const TensorList&>(), Indices{}))>>
    : std::true_type {};

[[noreturn]] BACKOBS_API void refuse_inputs(const torch::nn::Module& module, std::size_t found);

/// Calls forward with as many tensors as the node has inputs, if the module takes that many.
template <typename Impl, std::size_t Count>
Tensor call_if_possible(Impl& module, const TensorList& x) {
  if constexpr (CanCall<Impl, std::make_index_sequence<Count>>::value)
    return call(module, x, std::make_index_sequence<Count>{});
  else
    refuse_inputs(module, x.size());
}

template <typename Impl>
ModuleForward forward_of(std::shared_ptr<Impl> module) {
  return [module](const TensorList& x) -> Tensor {
    switch (x.size()) {
      case 1: return call_if_possible<Impl, 1>(*module, x);
      case 2: return call_if_possible<Impl, 2>(*module, x);
      case 3: return call_if_possible<Impl, 3>(*module, x);
      default: refuse_inputs(*module, x.size());
    }
  };
}

template <typename Impl>
std::shared_ptr<Impl> pointer_of(const std::shared_ptr<Impl>& module) { return module; }
template <typename Impl>
std::shared_ptr<Impl> pointer_of(const torch::nn::ModuleHolder<Impl>& module) { return module.ptr(); }

}  // namespace detail

/// See network.h.
template <typename Module>
NodeId Network::add(const std::string& name, const Module& module, std::vector<NodeId> inputs) {
  if constexpr (std::is_convertible_v<Module, std::shared_ptr<const LayerRule>>) {
    return add(name, std::shared_ptr<const LayerRule>(module), std::move(inputs));
  } else {
    auto pointer = detail::pointer_of(module);
    return add(name, rule_for(typeid(*pointer), pointer, detail::forward_of(pointer)), std::move(inputs));
  }
}

}  // namespace backobs
