//! The export table of netio.sys.

use super::table;
use crate::nt::exports::exports;
use crate::thunk::Export;

/// netio.sys.
pub static NETIO: &[Export] = exports! {
    "GetUnicastIpAddressTable" 0 1 table::get_table,
    "NotifyUnicastIpAddressChange" 0 1 table::notify,
    "CancelMibChangeNotify2" 0 0 table::cancel_notify,
    "FreeMibTable" 0 1 table::free_table,
    "GetBestRoute2" 0 1 table::best_route,
    "GetIpNetEntry2" 0 1 table::get_neighbour,
    "ResolveIpNetEntry2" 0 0 table::resolve_neighbour,
    "ConvertInterfaceLuidToIndex" 0 1 table::luid_to_index,
    "ConvertInterfaceIndexToLuid" 0 1 table::index_to_luid,
};
