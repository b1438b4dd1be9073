#!/usr/bin/env bash
# Publishes a moving picture with a clock and a tick each second: demo-source.sh URL FONT.
# It publishes again, for ever, whenever the connection is lost.
set -u
url=$1 font=$2
child=
trap '[ -n "$child" ] && kill "$child" 2>/dev/null; exit 0' TERM INT

picture="gradients=size=1280x720:rate=30:speed=0.012:nb_colors=4:c0=0x10243e:c1=0x2a6f7f:c2=0xd98e4a:c3=0x3b2a5a"
text="fontfile=$font:fontcolor=white:shadowcolor=black@0.6:shadowx=3:shadowy=3"
clock="drawtext=$text:fontsize=150:x=(w-tw)/2:y=(h-th)/2:text='%{localtime\\:%H\\\\\\:%M\\\\\\:%S}'"
frames="drawtext=$text:fontsize=36:x=(w-tw)/2:y=h*0.66:text='frame %{n}'"
title="drawtext=$text:fontsize=44:x=60:y=50:text='Mayfly demonstration'"
bar="drawbox=x=0:y=ih-14:w='iw*mod(t,1)':h=14:color=white@0.85:t=fill"
sound="aevalsrc='0.05*sin(2*PI*220*t)*(0.6+0.4*sin(2*PI*0.13*t))+0.04*sin(2*PI*277.2*t)+0.04*sin(2*PI*329.6*t)+0.25*sin(2*PI*1000*t)*lt(mod(t,1),0.04)':s=48000"

while :; do
	ffmpeg -hide_banner -loglevel warning -nostdin -re -f lavfi -i "$picture" -re -f lavfi -i "$sound" \
		-vf "$clock,$frames,$title" \
		-c:v libx264 -preset veryfast -tune zerolatency -profile:v main -pix_fmt yuv420p -g 30 -keyint_min 30 -sc_threshold 0 -b:v 2000k -maxrate 2000k -bufsize 2000k \
		-c:a aac -b:a 128k -ac 2 -f flv "$url" &
	child=$!
	wait $child
	sleep 1
done
