#!/bin/sh
# Ends what a demo has started when the demo itself is gone without a word, as after SIGKILL: its end of our input closes then.
# The argument is how many seconds the processes have to end by themselves.
# Standard input: `process PID` or `group PID` for each leader of a group that was started (who is asked to end), `ended PID` when it
# has, `over` when nothing is left to end.
set -u
trap '' HUP INT TERM
grace=$1
running=' ' groups=' '

while read -r what pid; do
  case $what in
    process | group) running="$running$pid "; [ "$what" = process ] || groups="$groups$pid " ;;
    ended) case $running in *" $pid "*) running="${running%%" $pid "*} ${running#*" $pid "}" ;; esac ;;
    over) exit 0 ;;
  esac
done

for pid in $running; do case $groups in *" $pid "*) kill -TERM "-$pid" ;; *) kill -TERM "$pid" ;; esac; done 2>/dev/null
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
