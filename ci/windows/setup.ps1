#Requires -RunAsAdministrator
<#
Prepares a Windows guest for rnic, in steps over reboots. Safe to run again: each step says what it finds done.
-WhatIf says what would be done.
#>
[CmdletBinding(SupportsShouldProcess)]
param(
    # Address of this guest on the rnic network; the peer has the other of .1 and .2.
    [string]$Address,
    [switch]$NoVerifier
)
$ErrorActionPreference = 'Stop'
$home_folder = 'C:\rnic'
# Also where nothing is to be done: the log and the scripts.
New-Item -ItemType Directory -Force $home_folder -WhatIf:$false | Out-Null
Start-Transcript -Append "$home_folder\setup.log" -WhatIf:$false | Out-Null

# The CD is not there after a reboot of a copied machine: work from the disk.
if ($PSScriptRoot -ne $home_folder) {
    Copy-Item "$PSScriptRoot\*" $home_folder -Recurse -Force -WhatIf:$false
}
# For the time after a restart.
if ($Address) { Set-Content "$home_folder\address.txt" $Address -Force -WhatIf:$false }
if (-not $Address -and (Test-Path "$home_folder\address.txt")) {
    $Address = (Get-Content "$home_folder\address.txt").Trim()
}
$again = "powershell -NoProfile -ExecutionPolicy Bypass -File $home_folder\setup.ps1"
if ($NoVerifier) { $again += ' -NoVerifier' }

function Restart-Later([string]$why) {
    Write-Host "restarting: $why"
    if ($PSCmdlet.ShouldProcess('this machine', 'restart')) {
        Set-ItemProperty 'HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\RunOnce' 'rnic' $again
        Stop-Transcript | Out-Null
        Restart-Computer -Force
        exit 0
    }
}

# 1. Test signing. Secure Boot must be off.
$secure = try { Confirm-SecureBootUEFI } catch { $false }
if ($secure) {
    throw 'Secure Boot is on: test-signed drivers do not load. Switch it off in the firmware.'
}
# As Windows was started; bcdedit answers in the language of the system.
if ((Get-ItemProperty 'HKLM:\SYSTEM\CurrentControlSet\Control').SystemStartOptions -notmatch 'TESTSIGNING') {
    if ($PSCmdlet.ShouldProcess('boot configuration', 'testsigning on')) { bcdedit /set testsigning on | Out-Null }
    Restart-Later 'test signing'
}

# 2. The certificate that signed the package.
foreach ($store in 'Root', 'TrustedPublisher') {
    if ($PSCmdlet.ShouldProcess($store, 'add the test certificate')) {
        certutil -f -addstore $store "$home_folder\package\test.cer" | Out-Null
        if ($LASTEXITCODE -ne 0) { throw "certutil does not take $home_folder\package\test.cer: $LASTEXITCODE" }
    }
}

# 3. Driver Verifier: standard checks and those of NDIS.
if (-not $NoVerifier -and -not ((verifier /querysettings) -match 'rnic.sys')) {
    if ($PSCmdlet.ShouldProcess('rnic.sys', 'Driver Verifier')) {
        verifier /standard /driver rnic.sys ndis.sys | Out-Null
    }
    Restart-Later 'Driver Verifier'
}

# 4. The driver.
if ($PSCmdlet.ShouldProcess('rnic.inf', 'install')) {
    pnputil /add-driver "$home_folder\package\rnic.inf" /install
    # 259: it is there already; 3010: a restart is wanted.
    if ($LASTEXITCODE -notin 0, 259, 3010) { throw "pnputil failed with ${LASTEXITCODE}: see C:\Windows\INF\setupapi.dev.log" }
}
$limit = (Get-Date).AddSeconds(60)
do {
    $adapter = Get-NetAdapter | Where-Object InterfaceDescription -like 'rnic*' | Select-Object -First 1
    if (-not $adapter -and -not $WhatIfPreference) { Start-Sleep 2 }
} until ($adapter -or $WhatIfPreference -or (Get-Date) -gt $limit)
if (-not $adapter -and $WhatIfPreference) {
    Write-Host 'there is no rnic adapter yet: address and tests follow its installation'
    Stop-Transcript | Out-Null
    exit 0
}
if (-not $adapter) { throw "No rnic adapter after installation: see C:\Windows\INF\setupapi.dev.log" }

# 5. Address, RDMA, and no firewall between two test guests.
if ($Address -and -not (Get-NetIPAddress -InterfaceIndex $adapter.ifIndex -IPAddress $Address -ErrorAction SilentlyContinue)) {
    if ($PSCmdlet.ShouldProcess($adapter.Name, "address $Address")) {
        New-NetIPAddress -InterfaceIndex $adapter.ifIndex -IPAddress $Address -PrefixLength 24 | Out-Null
    }
}
if ($PSCmdlet.ShouldProcess($adapter.Name, 'Enable-NetAdapterRdma')) { Enable-NetAdapterRdma -Name $adapter.Name }
Set-NetConnectionProfile -InterfaceIndex $adapter.ifIndex -NetworkCategory Private -ErrorAction SilentlyContinue
# File and Printer Sharing, in every language.
Enable-NetFirewallRule -Group '@FirewallAPI.dll,-28502' -ErrorAction SilentlyContinue

# Until the address is no longer tentative.
Start-Sleep 10
Get-NetAdapterRdma | Format-List | Out-String | Tee-Object "$home_folder\rdma.txt"
& "$home_folder\doctor.ps1" | Tee-Object "$home_folder\doctor.txt"
if ($Address) { & "$home_folder\smbdirect.ps1" -Address $Address | Tee-Object "$home_folder\smbdirect.txt" }
& "$home_folder\collect.ps1"
Stop-Transcript | Out-Null
if ($Address) { Stop-Computer -Force }
