//! How a kernel import is declared.

/// The first Windows that exports a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Windows {
    /// Windows Vista, Server 2008, or older.
    Vista,
    /// Windows 7, Server 2008 R2.
    Seven,
    /// Windows 8, Server 2012.
    Eight,
    /// Windows 10, version 2004.
    Ten2004,
}

/// A function of a kernel image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Import {
    /// File that exports it, as it is named in import tables.
    pub image: &'static str,
    /// Name.
    pub name: &'static str,
    /// Lowest Windows.
    pub since: Windows,
    /// Highest IRQL at which it may be called: 0 PASSIVE_LEVEL, 1 APC_LEVEL, 2 DISPATCH_LEVEL, 31 any.
    pub max_irql: u8,
}

/// Declares imports of one image: real ones on Windows, panicking functions elsewhere, a table, and signatures.
macro_rules! imports {
    (
        $image:literal, $table:ident, $signatures:ident;
        $( $since:ident $irql:literal fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)?; )*
    ) => {
        #[cfg(target_os = "windows")]
        #[link(name = $image, kind = "raw-dylib", modifiers = "+verbatim")]
        unsafe extern "win64" {
            $( pub fn $name($($arg: $ty),*) $(-> $ret)?; )*
        }
        $(
            /// # Panics
            /// Always: there is no Windows kernel here.
            ///
            /// # Safety
            /// As on Windows.
            #[cfg(not(target_os = "windows"))]
            pub unsafe extern "win64" fn $name($(_: $ty),*) $(-> $ret)? {
                panic!(concat!(stringify!($name), " is Windows', and this is not Windows"))
            }
        )*
        /// Functions of this image.
        pub const $table: &[$crate::Import] = &[
            $( $crate::Import {
                image: $image,
                name: stringify!($name),
                since: $crate::Windows::$since,
                max_irql: $irql,
            }, )*
        ];
        /// Types of the functions, for a host that implements them.
        pub mod $signatures {
            #[allow(unused_imports)]
            use super::*;
            $( pub type $name = unsafe extern "win64" fn($($ty),*) $(-> $ret)?; )*
        }
    };
}
