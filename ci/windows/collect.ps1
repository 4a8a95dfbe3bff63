<# Copies what explains a run to the disk with the label RNICOUT, which run.sh reads. #>
$volume = Get-Volume -FileSystemLabel RNICOUT -ErrorAction SilentlyContinue
$to = if ($volume) { "$($volume.DriveLetter):\$env:COMPUTERNAME" } else { 'C:\rnic\out' }
New-Item -ItemType Directory -Force $to | Out-Null
foreach ($path in 'C:\rnic\*.log', 'C:\rnic\*.txt', 'C:\Windows\INF\setupapi.dev.log', 'C:\Windows\Minidump\*.dmp') {
    Copy-Item $path $to -Force -ErrorAction SilentlyContinue
}
Get-WinEvent -FilterHashtable @{ LogName = 'System'; Level = 1, 2, 3 } -MaxEvents 500 -ErrorAction SilentlyContinue |
    Format-Table -Wrap TimeCreated, ProviderName, Id, Message | Out-File "$to\system-events.txt" -Width 300
Get-WinEvent -LogName 'Microsoft-Windows-SMBClient/Connectivity', 'Microsoft-Windows-SMBServer/Connectivity' -MaxEvents 200 -ErrorAction SilentlyContinue |
    Format-Table -Wrap TimeCreated, Id, Message | Out-File "$to\smb-events.txt" -Width 300
& "$PSScriptRoot\doctor.ps1" -Save "$to\facts.json" | Out-File "$to\doctor-again.txt"
Get-WinEvent -LogName 'Microsoft-Windows-SMBDirect/Admin' -MaxEvents 200 -ErrorAction SilentlyContinue |
    Format-Table -Wrap TimeCreated, Id, Message | Out-File "$to\smbdirect-events.txt" -Width 300
verifier /query | Out-File "$to\verifier.txt"
Get-NetAdapter -Name * | Format-List * | Out-File "$to\adapters.txt"
