#include "tools/report/html.h"

#include <string>

#include "gtest/gtest.h"

namespace polarize {
namespace {

TEST(EscapeHtml, LeavesNoMarkup) {
  EXPECT_EQ(EscapeHtml("<script>a && \"b\" 'c'</script>"),
            "&lt;script&gt;a &amp;&amp; &quot;b&quot; &#39;c&#39;"
            "&lt;/script&gt;");
  EXPECT_EQ(EscapeHtml("elu·elu ≤ 1 \xF0\x9F\x99\x82\t\n"),
            "elu·elu ≤ 1 \xF0\x9F\x99\x82\t\n");
  EXPECT_EQ(EscapeHtml(""), "");
}

// Each bad byte becomes one replacement, and what follows it is kept.
TEST(EscapeHtml, ReplacesWhatXmlForbids) {
  const std::string bad = "\xEF\xBF\xBD";
  EXPECT_EQ(EscapeHtml("a\x01z"), "a" + bad + "z");
  EXPECT_EQ(EscapeHtml(std::string("a\0z", 3)), "a" + bad + "z");
  EXPECT_EQ(EscapeHtml("\xFF<"), bad + "&lt;");
  EXPECT_EQ(EscapeHtml("\xC3"), bad);                      // cut off
  EXPECT_EQ(EscapeHtml("\xC3("), bad + "(");               // no continuation
  EXPECT_EQ(EscapeHtml("\xC0\xBC"), bad + bad);            // '<' spelt too long
  EXPECT_EQ(EscapeHtml("\xED\xA0\x80"), bad + bad + bad);  // a surrogate
  EXPECT_EQ(EscapeHtml("\xEF\xBF\xBE"), bad + bad + bad);  // U+FFFE
  EXPECT_EQ(EscapeHtml("\xF5\x80\x80\x80"), bad + bad + bad + bad);
}

TEST(HtmlWriter, ClosesWhatItOpens) {
  HtmlWriter html;
  html.Open("p", {{"class", "a\"b"}}).Text("1 < 2").Void("br");
  html.Element("b", "x & y").Close();
  EXPECT_EQ(html.Take(),
            "<p class=\"a&quot;b\">1 &lt; 2<br/><b>x &amp; y</b></p>");
}

TEST(HtmlWriter, SetsCodeBetweenBackquotes) {
  HtmlWriter html;
  html.Prose("run `a <b>` now, or `c`; a ` alone");
  EXPECT_EQ(html.Take(),
            "run <code>a &lt;b&gt;</code> now, or <code>c</code>; a ` alone");
}

TEST(HtmlWriterDeathTest, RefusesUnbalancedTags) {
  HtmlWriter html;
  EXPECT_DEATH(html.Close(), "no tag is open");
  html.Open("p");
  EXPECT_DEATH(html.Take(), "<p> is open");
}

}  // namespace
}  // namespace polarize
