// Only the section matters; there is nothing to call.
