package main

import (
	"time"

	"github.com/mayfly-tv/mayfly/internal/bucket"
	"github.com/mayfly-tv/mayfly/internal/chat"
)

// chatFlags say what is kept of what viewers say, and how many listen.
type chatFlags struct {
	ChatKeep        time.Duration `help:"How long what viewers said is kept; 0: as long as the channel lives." default:"2160h"`
	ChatConnections int           `help:"How many connections to the chat one address may have at this node." default:"500"`
}

// newChat makes the rooms of this node as the flags say.
func (n *node) newChat(docs *bucket.Documents) *chat.Hub {
	return chat.NewHub(chat.Config{Docs: docs, Keep: n.flags.ChatKeep, MaxFrom: n.flags.ChatConnections, Lives: n.channels.Lives, Said: n.said, Log: n.log})
}
