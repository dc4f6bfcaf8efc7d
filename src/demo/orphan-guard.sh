#!/bin/sh
# Ends what a demo has started when the demo itself is gone without a word, as after SIGKILL: its end of our input closes then.
# The argument is how many seconds the processes have to end by themselves.
# Standard input: `started PID` and `ended PID` for each process (the leader of a group), `over` when nothing is left to end.
set -u
trap '' HUP INT TERM
grace=$1
running=' '

while read -r what pid; do
  case $what in
    started) running="$running$pid " ;;
    ended) case $running in *" $pid "*) running="${running%%" $pid "*} ${running#*" $pid "}" ;; esac ;;
    over) exit 0 ;;
  esac
done

for pid in $running; do kill -TERM "$pid"; done 2>/dev/null
while [ "$grace" -gt 0 ]; do
  left=no
  for pid in $running; do ! kill -0 "$pid" || left=yes; done 2>/dev/null
  [ $left = yes ] || break
  sleep 1
  grace=$((grace - 1))
done
# What a leader left behind in its group, and leaders that did not listen.
for pid in $running; do kill -KILL "-$pid"; done 2>/dev/null
exit 0
