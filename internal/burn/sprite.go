package burn

import "image"

// frame is one picture as ffmpeg gives it: yuv420p, its three planes one behind the other. Width and height are even.
type frame struct {
	w, h int
	pix  []byte
}

func newFrame(w, h int) *frame { return &frame{w, h, make([]byte, w*h*3/2)} }

func (f *frame) bounds() image.Rectangle { return image.Rect(0, 0, f.w, f.h) }

// sprite is a drawing in the colours of pictures, multiplied with its own opacity, so that it costs one multiplication
// to lay it over one. A nil sprite is nothing.
type sprite struct {
	at   image.Point // of its upper left corner; even
	w, h int         // even
	luma layer
	blue layer // half as wide and high
	red  layer
}

// layer is one plane with its opacity.
type layer struct{ value, opacity []byte }

// spriteOf makes a sprite of what is drawn in an image; nil if that is nothing.
func spriteOf(img *image.RGBA) *sprite {
	box := drawn(img)
	if box.Empty() {
		return nil
	}
	box.Min.X &^= 1
	box.Min.Y &^= 1
	s := &sprite{at: box.Min, w: (box.Dx() + 1) &^ 1, h: (box.Dy() + 1) &^ 1}
	n := s.w * s.h
	s.luma = layer{make([]byte, n), make([]byte, n)}
	s.blue, s.red = layer{value: make([]byte, n/4), opacity: make([]byte, n/4)}, layer{value: make([]byte, n/4)}
	s.red.opacity = s.blue.opacity
	for y := 0; y < s.h; y += 2 {
		for x := 0; x < s.w; x += 2 {
			s.quad(img, x, y)
		}
	}
	return s
}

// quad converts four pixels, which share their colour: limited range of ITU-R BT.709.
func (s *sprite) quad(img *image.RGBA, x, y int) {
	var r, g, b, a int
	for i := range 4 {
		dx, dy := x+i&1, y+i>>1
		p := image.Pt(s.at.X+dx, s.at.Y+dy)
		if !p.In(img.Rect) {
			continue
		}
		at := img.PixOffset(p.X, p.Y)
		pr, pg, pb, pa := int(img.Pix[at]), int(img.Pix[at+1]), int(img.Pix[at+2]), int(img.Pix[at+3])
		s.luma.value[dy*s.w+dx] = uint8((47*pr + 157*pg + 16*pb + 16*pa + 128) >> 8)
		s.luma.opacity[dy*s.w+dx] = uint8(pa)
		r, g, b, a = r+pr, g+pg, b+pb, a+pa
	}
	at := y/2*(s.w/2) + x/2
	s.blue.value[at] = clamp((-26*r - 86*g + 112*b + 128*a + 512) >> 10)
	s.red.value[at] = clamp((112*r - 102*g - 10*b + 128*a + 512) >> 10)
	s.blue.opacity[at] = uint8((a + 2) / 4)
}

func clamp(v int) uint8 { return uint8(min(255, max(0, v))) }

// drawn returns the smallest box around what is not empty.
func drawn(img *image.RGBA) image.Rectangle {
	box := image.Rectangle{}
	for y := img.Rect.Min.Y; y < img.Rect.Max.Y; y++ {
		row := img.Pix[img.PixOffset(img.Rect.Min.X, y):][:4*img.Rect.Dx()]
		first, last := -1, -1
		for i := 3; i < len(row); i += 4 {
			if row[i] != 0 {
				if first < 0 {
					first = i / 4
				}
				last = i / 4
			}
		}
		if first >= 0 {
			box = box.Union(image.Rect(img.Rect.Min.X+first, y, img.Rect.Min.X+last+1, y+1))
		}
	}
	return box
}

// onto lays the sprite over a picture, moved to the right, as far as it lies within clip. opacity is 0 to 256.
func (s *sprite) onto(f *frame, moved int, clip image.Rectangle, opacity int) {
	if s == nil || opacity <= 0 {
		return
	}
	at := s.at.Add(image.Pt(moved, 0))
	box := image.Rectangle{at, at.Add(image.Pt(s.w, s.h))}.Intersect(clip).Intersect(f.bounds())
	if box.Empty() {
		return
	}
	s.luma.onto(f.pix[:f.w*f.h], f.w, box, at, s.w, opacity)
	half := func(p image.Point) image.Point { return image.Pt(p.X>>1, p.Y>>1) }
	small := image.Rectangle{half(box.Min), half(box.Max)}
	n := f.w * f.h / 4
	s.blue.onto(f.pix[f.w*f.h:][:n], f.w/2, small, half(at), s.w/2, opacity)
	s.red.onto(f.pix[f.w*f.h+n:][:n], f.w/2, small, half(at), s.w/2, opacity)
}

// onto lays a layer, whose upper left corner is at, over the part of a plane that box names.
func (l *layer) onto(plane []byte, stride int, box image.Rectangle, at image.Point, width, opacity int) {
	for y := box.Min.Y; y < box.Max.Y; y++ {
		from := (y-at.Y)*width + box.Min.X - at.X
		value, over := l.value[from:from+box.Dx()], l.opacity[from:from+box.Dx()]
		row := plane[y*stride+box.Min.X:][:box.Dx()]
		for i, a := range over {
			switch {
			case a == 0:
			case a == 255 && opacity == 256:
				row[i] = value[i]
			default:
				below := 255*256 - int(a)*opacity
				row[i] = uint8((int(value[i])*opacity*255 + int(row[i])*below + 32640) / (255 * 256))
			}
		}
	}
}
