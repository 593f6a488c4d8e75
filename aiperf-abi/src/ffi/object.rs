//! The shape of everything that crosses as an object: a pointer only its maker understands, and the maker's table of
//! functions. Dropping it calls the maker's `release`.

/// Declares an object and its table. Functions that take `*const ()` may be called from many threads at once, those that
/// take `*mut ()` never.
macro_rules! object {
    (
        $(#[$doc:meta])*
        $object:ident, $table:ident, $table_ref:ident, $prefix:ident {
            $($(#[$attr:meta])* $function:ident: $type:ty),* $(,)?
        }
    ) => {
        #[repr(C)]
        #[derive(abi_stable::StableAbi)]
        #[sabi(kind(Prefix(prefix_ref = $table_ref, prefix_fields = $prefix)))]
        pub struct $table {
            pub release: unsafe extern "C" fn(*mut ()),
            $($(#[$attr])* pub $function: $type,)*
        }

        $(#[$doc])*
        #[repr(C)]
        #[derive(abi_stable::StableAbi)]
        pub struct $object {
            object: *mut (),
            table: $table_ref,
        }

        // SAFETY: objects are made only of values that are `Send`, and of `Sync` ones where the table has functions that
        // take `*const ()`; the others are reached through `&mut`.
        unsafe impl Send for $object {}
        // SAFETY: as above.
        unsafe impl Sync for $object {}

        impl Drop for $object {
            fn drop(&mut self) {
                // SAFETY: `table` was made for `object`, and this is its last use.
                unsafe { (self.table.release())(self.object) }
            }
        }
    };
}

/// The `release` of an object that is a boxed `T`.
///
/// # Safety
/// `object` came from `Box::<T>::into_raw` and is not used again.
pub(crate) unsafe extern "C" fn release<T>(object: *mut ()) {
    // SAFETY: the caller's promise.
    super::guard::silent((), || drop(unsafe { Box::from_raw(object.cast::<T>()) }));
}
