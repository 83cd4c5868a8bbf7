# Draws what a program printed on a terminal (text and SGR colours) as an SVG picture with a
# background of its own, readable on light and dark pages. Run in the C locale: bytes, not signs.
#
# usage: LC_ALL=C awk -v title=TEXT -f terminal-to-svg.awk <OUTPUT >PICTURE

BEGIN {
    ADVANCE = 8.4; HEIGHT = 20; LEFT = 18; TOP = 52 # of a sign, of a line, of the margins; pixels
    colour["31"] = "#ff8b84"; colour["32"] = "#7ee2a0"; colour["33"] = "#f3cd74"; colour["36"] = "#7fd6e8"
    FS = "\001"
}

function escaped(text) {
    gsub(/&/, "\\&amp;", text); gsub(/</, "\\&lt;", text); gsub(/>/, "\\&gt;", text)
    return text
}

# Columns of a UTF-8 text: bytes that do not continue a sign.
function width(text) { gsub(/[\200-\277]/, "", text); return length(text) }

# One run of signs at a column, stretched to the columns it has on a terminal whatever the font.
function draw(text, at, style, signs, attributes) {
    signs = width(text)
    if (text ~ /^ *$/) return signs
    attributes = ""
    if (style ~ /(^|;)1(;|$)/) attributes = " font-weight=\"bold\""
    sub(/^1;/, "", style)
    if (style in colour) attributes = attributes " fill=\"" colour[style] "\""
    body = body sprintf("<text x=\"%.1f\" y=\"%d\" textLength=\"%.1f\" lengthAdjust=\"spacingAndGlyphs\"%s>%s</text>\n", \
        LEFT + at * ADVANCE, TOP + NR * HEIGHT, signs * ADVANCE, attributes, escaped(text))
    return signs
}

# A text without styles: words that stand apart are drawn apart, so that columns stay in line.
function draw_words(text, at, style, gap) {
    while ((gap = match(text, /   *[^ ]/)) > 1) {
        draw(substr(text, 1, gap - 1), at, style)
        at += width(substr(text, 1, gap + RLENGTH - 2))
        text = substr(text, gap + RLENGTH - 1)
    }
    if (match(text, /^ +/)) { at += RLENGTH; text = substr(text, RLENGTH + 1) }
    return at + draw(text, at, style)
}

{
    sub(/\r$/, "")
    at = 0; style = ""; rest = $0
    while (match(rest, /\033\[[0-9;]*m/)) {
        plain = substr(rest, 1, RSTART - 1)
        next_style = substr(rest, RSTART + 2, RLENGTH - 3)
        rest = substr(rest, RSTART + RLENGTH) # before draw_words(), which matches too
        at = draw_words(plain, at, style)
        style = next_style
    }
    at = draw_words(rest, at, style)
    if (at > columns) columns = at
}

END {
    wide = LEFT * 2 + columns * ADVANCE; high = TOP + NR * HEIGHT + 22
    printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" role=\"img\">\n", wide, high, wide, high
    printf "<title>%s</title>\n", escaped(title)
    printf "<rect x=\".5\" y=\".5\" width=\"%d\" height=\"%d\" rx=\"8\" fill=\"#1b212c\" stroke=\"#5a6577\"/>\n", wide - 1, high - 1
    printf "<g fill=\"#5a6577\"><circle cx=\"22\" cy=\"22\" r=\"6\"/><circle cx=\"42\" cy=\"22\" r=\"6\"/><circle cx=\"62\" cy=\"22\" r=\"6\"/></g>\n"
    printf "<g fill=\"#e4e8ef\" font-size=\"14\" font-family=\"ui-monospace, SFMono-Regular, Menlo, Consolas, DejaVu Sans Mono, monospace\" xml:space=\"preserve\">\n"
    printf "%s</g>\n</svg>\n", body
}
