package channel

// Card is the picture that viewers see when nobody is live, in a channel that plays nothing else then. It is a clip of
// the library, which a plan plays in a loop.
type Card struct {
	Clip string `json:"clip"`
	Line string `json:"line,omitempty"` // what it says below the channel's title, if it is drawn
	// Kind says where the picture is from.
	Kind CardKind `json:"kind"`
}

// CardKind is where a card's picture is from.
type CardKind string

// The kinds of cards.
const (
	DrawnCard   CardKind = "drawn"   // of the channel's title, logo and colours
	PictureCard CardKind = "picture" // uploaded for it
	ClipCard    CardKind = "clip"    // of the library
)

// String says what card it is.
func (c *Card) String() string {
	if c.Line == "" {
		return string(c.Kind)
	}
	return string(c.Kind) + ": " + c.Line
}

// RemoveCard takes the channel's card away, and the plan that plays it.
func (c *Channel) RemoveCard() {
	if c.Card = nil; c.Plan != nil && c.Plan.Card != "" {
		c.Plan = nil
	}
}

// DealsCard reports whether the channel's card is still to be put into its plan.
func (c *Channel) DealsCard() bool {
	return c.Card != nil && (c.Plan == nil || c.Plan.Card != c.Card.Clip)
}
