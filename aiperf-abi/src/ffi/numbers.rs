//! The one table behind every category that is called for each request: a method by number, numbers in, numbers out. A new
//! method or a new category needs no new layout. Fractions cross as their bits.

use std::marker::PhantomData;

use abi_stable::prefix_type::WithMetadata;
use abi_stable::std_types::{RSlice, RSliceMut};

use super::back::{Back, FfiBack};
use super::guard::guard;
use super::object::release;
use super::root::{Decl, Lists, PluginRootRef};
use super::values::FfiResult;
use crate::author::error::{Error, ErrorKind, Result};
use crate::category::Kind;

object! {
    FfiNumbers, NumbersTable, NumbersTableRef, NumbersTablePrefix {
        #[sabi(last_prefix_field)]
        call: unsafe extern "C" fn(*mut (), u32, RSlice<'_, u64>, RSliceMut<'_, u64>, FfiBack<'_>) -> FfiResult<()>,
    }
}

impl Kind for FfiNumbers {
    fn offered(root: PluginRootRef) -> &'static [Decl<Self>] {
        root.numbers().as_slice()
    }

    fn list(lists: &mut Lists) -> &mut Vec<Decl<Self>> {
        &mut lists.numbers
    }
}

/// Something with methods by number.
pub(crate) trait Numbers: Send + 'static {
    /// Calls a method, once for every number of `out`.
    ///
    /// # Errors
    /// The method's; of kind [`ErrorKind::Unsupported`] where there is no such method.
    fn call(&mut self, method: u32, numbers: &[u64], out: &mut [u64], back: &mut dyn Back) -> Result<()>;
}

struct Table<T>(PhantomData<T>);

impl<T: Numbers> Table<T> {
    abi_stable::staticref! {
        const VALUE: WithMetadata<NumbersTable> =
            WithMetadata::new(NumbersTable { release: release::<T>, call: call::<T> })
    }
}

impl FfiNumbers {
    pub(crate) fn of<T: Numbers>(value: T) -> Self {
        let table = NumbersTableRef(Table::<T>::VALUE.as_prefix());
        Self { object: Box::into_raw(Box::new(value)).cast(), table }
    }

    pub(crate) fn call(&mut self, method: u32, numbers: &[u64], out: &mut [u64], back: &mut dyn Back) -> FfiResult<()> {
        let mut back = back;
        // SAFETY: `table` was made for `object`, which lives as long as `self`, and `&mut` keeps other calls out.
        unsafe { (self.table.call())(self.object, method, numbers.into(), out.into(), FfiBack::of(&mut back)) }
    }
}

unsafe extern "C" fn call<T: Numbers>(
    object: *mut (),
    method: u32,
    numbers: RSlice<'_, u64>,
    out: RSliceMut<'_, u64>,
    mut back: FfiBack<'_>,
) -> FfiResult<()> {
    // SAFETY: `FfiNumbers::of` pairs this with a live `T`, and `FfiNumbers::call` has it for itself.
    guard(|| unsafe { &mut *object.cast::<T>() }.call(method, numbers.as_slice(), out.into_mut_slice(), &mut back))
}

/// A number as it crosses.
pub(crate) trait Number: Copy {
    fn out(self) -> u64;
    fn back(number: u64) -> Self;
}

impl Number for u64 {
    fn out(self) -> u64 {
        self
    }

    fn back(number: u64) -> Self {
        number
    }
}

impl Number for f64 {
    fn out(self) -> u64 {
        self.to_bits()
    }

    fn back(number: u64) -> Self {
        Self::from_bits(number)
    }
}

impl Number for () {
    fn out(self) -> u64 {
        0
    }

    fn back(_: u64) -> Self {}
}

pub(crate) fn no_method(category: &str, method: u32) -> Error {
    Error::new(ErrorKind::Unsupported, format!("this library knows no method {method} of `{category}`"))
}

/// Makes a trait a category that crosses as numbers: for each method its number, which never changes, its argument, its
/// result, and what a result has to be. The last may be one that fills in many at once (`bulk`).
macro_rules! numbers {
    (
        $name:literal: $trait:ident {
            $($number:literal: $method:ident($($argument:ident: $type:ty)?) $(-> $result:ty where $is_sane:expr)?;)*
            $(bulk $bulk_number:literal: $bulk:ident($out:ident: [u64]);)?
        }
    ) => {
        impl crate::category::Category for dyn $trait {
            const NAME: &'static str = $name;
            type Ffi = crate::ffi::numbers::FfiNumbers;

            fn loaded(value: crate::host::Loaded<Self::Ffi>) -> Box<Self> {
                Box::new(value)
            }
        }

        impl<T: crate::author::context::Plugin + $trait> crate::category::Class<dyn $trait> for T {
            fn made(new: crate::ffi::root::FfiNew<'_>) -> crate::author::error::Result<crate::ffi::numbers::FfiNumbers> {
                let value = crate::category::As::<dyn $trait, T>::new(new.make()?);
                Ok(crate::ffi::numbers::FfiNumbers::of(value))
            }
        }

        impl<T: $trait> crate::ffi::numbers::Numbers for crate::category::As<dyn $trait, T> {
            fn call(
                &mut self,
                method: u32,
                numbers: &[u64],
                out: &mut [u64],
                _: &mut dyn crate::ffi::back::Back,
            ) -> crate::author::error::Result<()> {
                use crate::ffi::numbers::Number;
                let argument = numbers.first().copied().unwrap_or_default();
                let _ = argument;
                match method {
                    $($number => for slot in out {
                        *slot = self.value.$method($(<$type>::back(argument))?)?.out();
                    },)*
                    $($bulk_number => self.value.$bulk(out)?,)?
                    other => return Err(crate::ffi::numbers::no_method($name, other)),
                }
                Ok(())
            }
        }

        impl $trait for crate::host::Loaded<crate::ffi::numbers::FfiNumbers> {
            $(fn $method(&mut self $(, $argument: $type)?) -> crate::author::error::Result<numbers!(@result $($result)?)> {
                use crate::ffi::numbers::Number;
                let argument = numbers!(@argument $($argument)?);
                let result = self.numbers(&stringify!($method), $number, argument.out())?;
                $(self.check(stringify!($method), <$result>::back(result), $is_sane)?;)?
                Ok(Number::back(result))
            })*

            $(fn $bulk(&mut self, $out: &mut [u64]) -> crate::author::error::Result<()> {
                self.fill(&stringify!($bulk), $bulk_number, $out)
            })?
        }
    };
    (@result) => { () };
    (@result $result:ty) => { $result };
    (@argument) => { () };
    (@argument $argument:ident) => { $argument };
}
