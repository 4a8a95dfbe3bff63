<#
Why is it not RDMA? Facts are asked of Windows, and held against causes.json, from the function on the bus up to SMB. The first
line that says NO is the cause; those after it often follow from it. Lines with -- could not be asked here.

-Save writes the facts to a file, for whoever helps.
#>
param([string]$Save)
$facts = [ordered]@{}

# Asks for one fact. What fails, or does not exist in this Windows, is not known. Blocks see the names of who calls them before
# those of the script: so none of these is used anywhere else.
function Add-Fact([string]$FactName, [scriptblock]$FactAsk) {
    $factFound = $null
    try { $factFound = & $FactAsk } catch { $factFound = $null }
    if ($null -ne $factFound) { $factFound = (@($factFound) | ForEach-Object { "$_" }) -join ', ' }
    $script:facts[$FactName] = $factFound
}

# Whether a value is what a cause wants; nothing when it is not known.
function Test-Cause($Cause, $Value) {
    if ($Cause.exists) { return -not [string]::IsNullOrEmpty($Value) }
    if ([string]::IsNullOrEmpty($Value)) { return $null }
    if ($Cause.is) { return $Cause.is -contains $Value }
    if ($Cause.is_not) { return $Cause.is_not -notcontains $Value }
    if ($Cause.contains) { return "$Value".Contains($Cause.contains) }
    if ($Cause.at_least) { return [long]$Value -ge $Cause.at_least }
    throw "causes.json asks nothing of $($Cause.fact)"
}

$device = Get-PnpDevice -PresentOnly -ErrorAction SilentlyContinue | Where-Object InstanceId -like 'PCI\VEN_1D1D&DEV_524E*' | Select-Object -First 1
$instance = $device.InstanceId
Add-Fact 'device.instance' { $instance }
# Only where the device does not work: a driver that Microsoft signed needs neither.
Add-Fact 'boot.secure' { if ($device -and $device.Status -ne 'OK') { Confirm-SecureBootUEFI -ErrorAction Stop } }
$start = (Get-ItemProperty 'HKLM:\SYSTEM\CurrentControlSet\Control').SystemStartOptions
Add-Fact 'boot.testsigning' { if ($device -and $device.Status -ne 'OK') { [bool]($start -match 'TESTSIGNING') } }
Add-Fact 'device.status' { if ($device) { if ($device.Status -eq 'OK') { 'OK' } else { "$($device.Status), $($device.Problem)" } } }

$adapter = Get-NetAdapter | Where-Object { $instance -and $_.PnPDeviceID -eq $instance }
$name = $adapter.Name
Add-Fact 'adapter.name' { $name }
Add-Fact 'adapter.status' { $adapter.Status }
Add-Fact 'adapter.teamed' { if ($name) { [bool](Get-NetAdapterBinding -Name $name -ComponentID ms_implat -ErrorAction SilentlyContinue).Enabled } }
Add-Fact 'adapter.switched' { if ($name) { [bool](Get-NetAdapterBinding -Name $name -ComponentID vms_pp -ErrorAction SilentlyContinue).Enabled } }
Add-Fact 'keyword.networkdirect' { if ($name) { (Get-NetAdapterAdvancedProperty -Name $name -RegistryKeyword '*NetworkDirect' -ErrorAction Stop).RegistryValue } }
Add-Fact 'inf.upperrange' {
    if ($instance) {
        $driver = (Get-ItemProperty "HKLM:\SYSTEM\CurrentControlSet\Enum\$instance").Driver
        (Get-ItemProperty "HKLM:\SYSTEM\CurrentControlSet\Control\Class\$driver\Ndi\Interfaces").UpperRange
    }
}

$rdma = if ($name) { Get-NetAdapterRdma -Name $name -ErrorAction SilentlyContinue }
Add-Fact 'rdma.adapter' { $rdma.InterfaceDescription }
Add-Fact 'rdma.enabled' { $rdma.Enabled }
Add-Fact 'machine.networkdirect' { (Get-NetOffloadGlobalSetting).NetworkDirect }
Add-Fact 'rdma.queuepairs' { $rdma.MaxQueuePairCount }
Add-Fact 'rdma.completionqueues' { $rdma.MaxCompletionQueueCount }
Add-Fact 'ip.preferred' {
    if ($name) { (Get-NetIPAddress -InterfaceIndex $adapter.ifIndex | Where-Object AddressState -eq 'Preferred').IPAddress }
}

$windows = Get-ItemProperty 'HKLM:\SOFTWARE\Microsoft\Windows NT\CurrentVersion'
Add-Fact 'os.edition' { $windows.EditionID }
Add-Fact 'smb.feature' { (Get-WindowsOptionalFeature -Online -FeatureName SmbDirect -ErrorAction Stop).State }
Add-Fact 'smb.client.multichannel' { (Get-SmbClientConfiguration).EnableMultiChannel }
Add-Fact 'smb.server.multichannel' { (Get-SmbServerConfiguration).EnableMultiChannel }
Add-Fact 'smb.constrained' {
    $constraints = Get-SmbMultichannelConstraint -ErrorAction Stop
    [bool]($constraints -and -not ($constraints | Where-Object InterfaceIndex -eq $adapter.ifIndex))
}
Add-Fact 'smb.signing_alone' { [int]$windows.CurrentBuildNumber -lt 20348 -and (Get-SmbClientConfiguration).RequireSecuritySignature }
Add-Fact 'smb.client.capable' {
    if ($name) { [bool](Get-SmbClientNetworkInterface | Where-Object { $_.InterfaceIndex -eq $adapter.ifIndex -and $_.RdmaCapable }) }
}
Add-Fact 'smb.server.capable' {
    if ($name) { [bool](Get-SmbServerNetworkInterface | Where-Object { $_.InterfaceIndex -eq $adapter.ifIndex -and $_.RdmaCapable }) }
}
Add-Fact 'smb.listener' { (netstat -xan | Select-String ':445 ' | Select-Object -First 1).Line.Trim() }
Add-Fact 'smb.errors' {
    Get-WinEvent -ListLog 'Microsoft-Windows-SMBDirect/Admin' -ErrorAction Stop | Out-Null
    $events = Get-WinEvent -LogName 'Microsoft-Windows-SMBDirect/Admin' -MaxEvents 50 -ErrorAction SilentlyContinue
    $bad = $events | Where-Object { $_.Level -in 1, 2 } | Select-Object -First 3
    if ($bad) { $bad | ForEach-Object { "$($_.Id): $($_.Message)" } } else { 'none' }
}
Add-Fact 'smb.connection' {
    $connection = Get-SmbMultichannelConnection -ErrorAction SilentlyContinue | Where-Object ClientInterfaceIndex -eq $adapter.ifIndex | Select-Object -First 1
    if ($connection) {
        if ($connection.Failed) { 'failed' }
        elseif ($connection.ClientRdmaCapable -and $connection.ServerRdmaCapable) { 'both' }
        elseif ($connection.ClientRdmaCapable) { 'client only' }
        elseif ($connection.ServerRdmaCapable) { 'server only' }
        else { 'neither' }
    }
}

if ($Save) { $facts | ConvertTo-Json | Out-File $Save -Encoding utf8 }
$first = $null
foreach ($cause in (Get-Content "$PSScriptRoot\causes.json" -Raw | ConvertFrom-Json)) {
    $value = $facts[$cause.fact]
    $holds = Test-Cause $cause $value
    $mark = if ($null -eq $holds) { '--' } elseif ($holds) { 'ok' } else { 'NO' }
    '{0,-4} {1}: {2}' -f $mark, $cause.what, $(if ($value) { $value } else { 'not known' })
    if ($mark -eq 'NO') {
        '     -> ' + $cause.remedy.Replace('ADAPTER', "'$name'")
        if (-not $first) { $first = $cause }
    }
}
''
if ($first) { "The cause, or the first of them: NOT '$($first.what)'" } else { 'Nothing is in the way of RDMA on this machine; run this on the peer.' }
