<#
Two guests: .1 shares a folder, .2 copies a file there and back, compares, and asks SMB whether it was RDMA.
#>
param([Parameter(Mandatory)][string]$Address, [int]$MegaBytes = 1024)
$ErrorActionPreference = 'Stop'
$share = 'C:\rnic\share'
$peer = $Address -replace '\.2$', '.1'
if ($Address.EndsWith('.1')) {
    New-Item -ItemType Directory -Force $share | Out-Null
    if (-not (Get-SmbShare rnic -ErrorAction SilentlyContinue)) {
        New-SmbShare -Name rnic -Path $share -FullAccess Administrator | Out-Null
    }
    # The peer says when it is done.
    $limit = (Get-Date).AddMinutes(30)
    while (-not (Test-Path "$share\done") -and (Get-Date) -lt $limit) { Start-Sleep 2 }
    'server: ' + $(if (Test-Path "$share\done") { 'the peer is done' } else { 'the peer did not come' })
    exit
}
$limit = (Get-Date).AddMinutes(20)
while (-not (Test-NetConnection $peer -Port 445 -InformationLevel Quiet -WarningAction SilentlyContinue)) {
    if ((Get-Date) -gt $limit) { throw "nobody serves SMB at $peer" }
    Start-Sleep 2
}
net use "\\$peer\rnic" /user:Administrator 'Rnic-test-1' | Out-Null
$file = 'C:\rnic\data.bin'
$block = New-Object byte[] (1MB)
$out = [IO.File]::Create($file)
$random = New-Object Random 1
1..$MegaBytes | ForEach-Object { $random.NextBytes($block); $out.Write($block, 0, $block.Length) }
$out.Close()
# The first connection is made by TCP, and tells of the addresses that have RDMA: those are used a little later.
Copy-Item "$PSScriptRoot\smbdirect.ps1" "\\$peer\rnic\first.txt"
Start-Sleep 15
# What goes by RDMA passes the Ethernet side by: its counters stay where they were.
$adapter = (Get-NetIPAddress -IPAddress $Address).InterfaceAlias
$before = Get-NetAdapterStatistics -Name $adapter
$there = Measure-Command { Copy-Item $file "\\$peer\rnic\data.bin" }
$back = Measure-Command { Copy-Item "\\$peer\rnic\data.bin" 'C:\rnic\back.bin' }
$same = (Get-FileHash $file).Hash -eq (Get-FileHash 'C:\rnic\back.bin').Hash
$after = Get-NetAdapterStatistics -Name $adapter
$ethernet = $after.SentBytes - $before.SentBytes + $after.ReceivedBytes - $before.ReceivedBytes
$connections = Get-SmbMultichannelConnection -ServerName $peer
$capable = [bool]($connections | Where-Object { $_.ClientRdmaCapable -and $_.ServerRdmaCapable })
$connections | Format-List | Out-String
$rdma = $capable -and $ethernet -lt $MegaBytes * 1MB / 10
Get-Counter '\RDMA Activity(*)\RDMA Inbound Bytes/sec', '\RDMA Activity(*)\RDMA Active Connections' -ErrorAction SilentlyContinue |
    Format-List | Out-String
'{0} MiB there in {1:n1} s, back in {2:n1} s; same: {3}; both ends RDMA capable: {4}; by Ethernet {5:n1} MiB' -f $MegaBytes, $there.TotalSeconds, $back.TotalSeconds, $same, $capable, ($ethernet / 1MB)
New-Item "\\$peer\rnic\done" -ItemType File -Force | Out-Null
if (-not ($same -and $rdma)) { 'FAILED' } else { 'PASSED' }
