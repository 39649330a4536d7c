import CFFI
import CTimmyBot

/// A command's C function, ready to be called through libffi: one pointer, `int64_t` or `double` for each option.
///
/// `@unchecked Sendable`: the prepared call is written once and then only read, by libffi too.
package final class TypedCall: @unchecked Sendable {
    private let cif: UnsafeMutablePointer<ffi_cif>
    private let types: UnsafeMutablePointer<UnsafeMutablePointer<ffi_type>?>
    private let parameters: [Int32]
    private static let fixed = 3

    /// Nil where a parameter has a type that this host does not know.
    package init?(_ parameters: [Int32]) {
        self.parameters = parameters
        let count = Self.fixed + parameters.count
        types = .allocate(capacity: count)
        types.initialize(repeating: tb_ffi_pointer(), count: count)
        types[1] = tb_ffi_uint64()
        for (index, type) in parameters.enumerated() {
            switch type {
            case TB_T_INT, TB_T_BOOL, TB_T_ID: types[Self.fixed + index] = tb_ffi_sint64()
            case TB_T_NUM: types[Self.fixed + index] = tb_ffi_double()
            default: break
            }
        }
        cif = .allocate(capacity: 1)
        cif.initialize(to: ffi_cif())
        guard ffi_prep_cif(cif, FFI_DEFAULT_ABI, UInt32(count), tb_ffi_sint32(), types) == FFI_OK else { return nil }
    }

    deinit {
        cif.deallocate()
        types.deallocate()
    }

    /// Calls `function` on the current thread. Missing optional values are NULL; `values` are in the parameters' order.
    package func call(
        _ function: tb_fn, _ instance: UnsafeMutableRawPointer?, _ task: tb_task,
        _ invocation: UnsafePointer<tb_invocation_v1>, _ values: [tb_value_v1]
    ) -> tb_status {
        // Eight bytes for each argument: a pointer, an integer or a double by its bits.
        withUnsafeTemporaryAllocation(of: UInt64.self, capacity: Self.fixed + 2 * values.count) { slots in
            withUnsafeTemporaryAllocation(of: UnsafeMutableRawPointer?.self, capacity: Self.fixed + values.count) {
                places in
                guard let base = slots.baseAddress else { return TB_E_INTERNAL }
                slots[0] = UInt64(UInt(bitPattern: instance))
                slots[1] = task
                slots[2] = UInt64(UInt(bitPattern: invocation))
                for index in 0..<Self.fixed { places[index] = UnsafeMutableRawPointer(base + index) }
                return values.withUnsafeBufferPointer { values in
                    for (index, value) in values.enumerated() {
                        let slot = Self.fixed + index, own = Self.fixed + values.count + index
                        slots[own] = value.type == TB_T_NUM ? value.f.bitPattern : UInt64(bitPattern: value.i)
                        slots[slot] = argument(index, value, at: values.baseAddress.map { $0 + index }, own: base + own)
                        places[slot] = UnsafeMutableRawPointer(base + slot)
                    }
                    var result: ffi_arg = 0
                    ffi_call(cif, function, &result, places.baseAddress)
                    return tb_status(truncatingIfNeeded: Int64(bitPattern: UInt64(result)))
                }
            }
        }
    }

    private func argument(
        _ index: Int, _ value: tb_value_v1, at place: UnsafePointer<tb_value_v1>?, own: UnsafeMutablePointer<UInt64>
    ) -> UInt64 {
        let type = parameters[index]
        if type == TB_T_STR {
            guard value.present != 0, let place else { return 0 }
            let offset = MemoryLayout<tb_value_v1>.offset(of: \.s) ?? 24
            return UInt64(UInt(bitPattern: UnsafeRawPointer(place) + offset))
        }
        if type & TB_T_OPT != 0 { return value.present == 0 ? 0 : UInt64(UInt(bitPattern: own)) }
        return own.pointee
    }
}
