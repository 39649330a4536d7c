// Swift's view of libffi. Its types are global variables, which Swift rightly distrusts; these hand out their addresses.
#pragma once
#include <ffi.h>

static inline ffi_type *tb_ffi_pointer(void) { return &ffi_type_pointer; }
static inline ffi_type *tb_ffi_sint64(void) { return &ffi_type_sint64; }
static inline ffi_type *tb_ffi_uint64(void) { return &ffi_type_uint64; }
static inline ffi_type *tb_ffi_double(void) { return &ffi_type_double; }
static inline ffi_type *tb_ffi_sint32(void) { return &ffi_type_sint32; }
