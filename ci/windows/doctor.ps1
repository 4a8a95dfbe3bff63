<#
Why is it not RDMA? Each condition from the function up to SMB: what must hold, what was found, what to do. The first line that
says NO is the cause; those after it often follow from it.
#>
function Check([string]$what, [bool]$holds, [string]$found, [string]$advice) {
    $line = '{0,-4} {1}: {2}' -f $(if ($holds) { 'ok' } else { 'NO' }), $what, $found
    if (-not $holds) { $line += "`n     -> $advice" }
    $line
}
$device = Get-PnpDevice -InstanceId 'PCI\VEN_1D1D&DEV_524E*' -ErrorAction SilentlyContinue | Select-Object -First 1
Check 'the function is on the bus' ([bool]$device) $(if ($device) { $device.InstanceId } else { 'no PCI\VEN_1D1D&DEV_524E' }) `
    'Give the guest a vfio-user-pci device whose daemon runs.'
if (-not $device) { exit }
$problem = $device.Problem
Check 'the device works' ($device.Status -eq 'OK') "$($device.Status), problem $problem" `
    'CM_PROB_UNSIGNED_DRIVER: test signing or the certificate is missing. CM_PROB_FAILED_START: see the debugger output (component IHVNETWORK).'
$adapter = Get-NetAdapter | Where-Object PnPDeviceID -eq $device.InstanceId
Check 'it has a network adapter' ([bool]$adapter) "$($adapter.Name)" 'pnputil /add-driver rnic.inf /install'
if (-not $adapter) { exit }
Check 'the link is up' ($adapter.Status -eq 'Up') $adapter.Status 'The daemon needs a port, or a second device beside this one.'
$keyword = Get-NetAdapterAdvancedProperty -Name $adapter.Name -RegistryKeyword '*NetworkDirect' -ErrorAction SilentlyContinue
Check '*NetworkDirect is 1' ($keyword.RegistryValue -eq '1') "$($keyword.RegistryValue)" "Enable-NetAdapterRdma -Name '$($adapter.Name)'"
$upper = (Get-ItemProperty "HKLM:\SYSTEM\CurrentControlSet\Control\Class\$((Get-ItemProperty "HKLM:\SYSTEM\CurrentControlSet\Enum\$($device.InstanceId)").Driver)\Ndi\Interfaces").UpperRange
Check 'UpperRange has ndis5' ($upper -match 'ndis5') "$upper" 'Install with the INF of this package: NDK consumers bind by it.'
$rdma = Get-NetAdapterRdma -Name $adapter.Name -ErrorAction SilentlyContinue
Check 'NDIS knows an NDK provider' ([bool]$rdma) $(if ($rdma) { 'yes' } else { 'no' }) 'The driver did not register NDK attributes: see the debugger output.'
Check 'NDK is enabled' ([bool]$rdma.Enabled) "$($rdma.Enabled)" "Enable-NetAdapterRdma -Name '$($adapter.Name)'"
Check 'NDK is operational' ([bool]$rdma.OperationalState) "$($rdma.OperationalState)" 'Global switch: Set-NetOffloadGlobalSetting -NetworkDirect Enabled'
$global = (Get-NetOffloadGlobalSetting).NetworkDirect
Check 'Network Direct is on for the machine' ("$global" -eq 'Enabled') "$global" 'Set-NetOffloadGlobalSetting -NetworkDirect Enabled'
$addresses = Get-NetIPAddress -InterfaceIndex $adapter.ifIndex -ErrorAction SilentlyContinue | Where-Object AddressState -eq 'Preferred'
Check 'it has an address' ([bool]$addresses) (($addresses.IPAddress) -join ', ') 'New-NetIPAddress, or wait until the address is no longer tentative.'
$interface = Get-SmbClientNetworkInterface | Where-Object InterfaceIndex -eq $adapter.ifIndex
Check 'SMB sees an RDMA interface' ([bool]($interface.RdmaCapable -eq $true)) "$($interface.RdmaCapable -join ', ')" `
    'SMB looks every few minutes. Client editions of Windows have SMB Direct as a feature: Enable-WindowsOptionalFeature -Online -FeatureName SMBDirect'
$feature = Get-WindowsOptionalFeature -Online -FeatureName SMBDirect -ErrorAction SilentlyContinue
Check 'SMB Direct is installed' ($feature.State -ne 'Disabled') "$($feature.State)" 'Enable-WindowsOptionalFeature -Online -FeatureName SMBDirect'
$listener = netstat -xan 2>$null | Select-String ':445'
Check 'SMB listens on RDMA' ([bool]$listener) $(if ($listener) { ($listener | Select-Object -First 1).Line.Trim() } else { 'nobody' }) `
    'Restart-Service LanmanServer after NDK is operational.'
Check 'SMB Multichannel is on' ((Get-SmbClientConfiguration).EnableMultiChannel) '' 'Set-SmbClientConfiguration -EnableMultiChannel $true'
