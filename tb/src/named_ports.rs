//! Ports of a design, by the names of the fields that hold them.

/// A struct of ports, each with its kind and its name, and `new`, which finds them all in the shared object.
macro_rules! ports {
    ($(#[$about:meta])* struct $ports:ident {
        $($name:ident: $type:ty = $method:ident($port:literal)),* $(,)?
    }) => {
        $(#[$about])*
        pub(super) struct $ports {
            $(pub(super) $name: $type,)*
        }

        impl $ports {
            /// Finds every port in the shared object.
            pub(super) fn new(dut: &Dut) -> Result<$ports, hashwalk_sim::Error> {
                Ok($ports { $($name: dut.$method($port)?,)* })
            }
        }
    };
}
pub(crate) use ports;
