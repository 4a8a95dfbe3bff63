# Runs the host's commands, one a line, and answers each with its exit code.
. /rnic/lib.sh
stty -echo -onlcr 2>/dev/null
echo "@@rnic did 0"
while IFS= read -r line; do
    [ "$line" != "@@off" ] || break
    eval "$line"
    echo "@@rnic did $?"
done
