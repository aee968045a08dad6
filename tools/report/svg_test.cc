#include "tools/report/svg.h"

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tools/report/thin_path.h"

namespace polarize {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string Inlined(const std::string& content) {
  const absl::StatusOr<std::string> svg = InlineSvg(
      absl::StrCat("<svg viewBox='0 0 10 20'>", content, "</svg>"), "p1-", "l");
  return svg.ok() ? *svg : std::string(svg.status().message());
}

std::string ErrorOf(const std::string& text) {
  const absl::StatusOr<std::string> svg = InlineSvg(text, "p1-", "l");
  return svg.ok() ? "" : std::string(svg.status().message());
}

TEST(InlineSvg, NamesIdsAnew) {
  EXPECT_THAT(
      Inlined("<defs><pattern id='gpPat1'><path d='M0,0'/></pattern>"
              "<circle id=\"gpDot\" r='1'/></defs>"
              "<rect fill='url(#gpPat1)' style=\"stroke:url('#gpPat1')\"/>"
              "<use xlink:href='#gpDot'/><use href='#gpDot'/>"),
      HasSubstr("<defs><pattern id=\"p1-gpPat1\"><path d=\"M0,0\"/></pattern>"
                "<circle id=\"p1-gpDot\" r=\"1\"/></defs>"
                "<rect fill=\"url(#p1-gpPat1)\" "
                "style=\"stroke:url(#p1-gpPat1)\"/>"
                "<use href=\"#p1-gpDot\"/><use href=\"#p1-gpDot\"/>"));
}

TEST(InlineSvg, IsAsLargeAsThePicture) {
  const absl::StatusOr<std::string> svg = InlineSvg(
      "\xEF\xBB\xBF<?xml version='1.0'?><!DOCTYPE svg><!-- <b> -->"
      "<svg width='10in' height='72pt'><rect/></svg>",
      "p1-", "a \"label\"");
  ASSERT_TRUE(svg.ok()) << svg.status();
  EXPECT_EQ(*svg,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" "
            "aria-label=\"a &quot;label&quot;\" viewBox=\"0 0 960 96\" "
            "style=\"width:960px\"><rect/></svg>");
}

TEST(InlineSvg, KeepsTextAndDropsSpaces) {
  const std::string svg =
      Inlined("\n\t<g>\n</g><text>a &lt; b &#x3C3;</text>\n<text></text>");
  EXPECT_THAT(svg, HasSubstr("<text>a &lt; b σ</text></svg>"));
  EXPECT_THAT(svg, Not(HasSubstr("<g")));
}

// Whatever could run, load, or style the page.
TEST(InlineSvg, KeepsNothingButDrawing) {
  for (const char* content : {
           "<script>evil</script>",
           "<script href='http://evil/'/>",
           "<style>@import 'http://evil/';</style>",
           "<foreignObject><g><img src='evil'/></g></foreignObject>",
           "<a href='javascript:evil'><rect/></a>",
           "<animate attributeName='evil'/>",
           "<image href='http://evil/'/>",
           "<image xlink:href='data:image/svg+xml,evil'/>",
           "<use href='http://evil/#a'/>",
           "<use href='evil.svg#a'/>",
           "<rect onload='evil'/>",
           "<rect OnClick='evil'/>",
           "<rect fill='url(http://evil/)'/>",
           "<rect fill='URL( \"http://evil/\" )'/>",
           "<rect style='fill:u\\72l(evil)'/>",
           "<rect style='fill:url(#a);stroke:url(evil)'/>",
           "<rect style='cursor:image-set(src(evil))'/>",
           "<rect class='evil'/>",
           "<rect id='a\"evil'/>",
           "<title>evil</title><desc>evil</desc><metadata>evil</metadata>",
           "<x:script xmlns:x='http://www.w3.org/2000/svg'>evil</x:script>",
       }) {
    EXPECT_THAT(Inlined(content), Not(HasSubstr("evil"))) << content;
    EXPECT_THAT(Inlined(content), HasSubstr("</svg>")) << content;
  }
  EXPECT_THAT(Inlined("<image href='data:image/png;base64,AA=='/>"),
              HasSubstr("href=\"data:image/png;base64,AA==\""));
}

TEST(InlineSvg, EntitiesDoNotBreakOut) {
  EXPECT_THAT(Inlined("<text>&lt;script&gt;</text>"),
              HasSubstr("&lt;script&gt;"));
  EXPECT_THAT(Inlined("<rect fill='a&quot; onload=&quot;b'/>"),
              HasSubstr("fill=\"a&quot; onload=&quot;b\""));
  EXPECT_THAT(Inlined("<text><![CDATA[<b>]]></text>"), HasSubstr("&lt;b&gt;"));
}

TEST(InlineSvg, SaysWhatIsWrong) {
  EXPECT_THAT(ErrorOf(""), HasSubstr("line 1: no element"));
  EXPECT_THAT(ErrorOf("plain"), HasSubstr("no element"));
  EXPECT_THAT(ErrorOf("<html></html>"), HasSubstr("the root is <html>"));
  EXPECT_THAT(ErrorOf("<svg></svg>"), HasSubstr("without a size"));
  EXPECT_THAT(ErrorOf("<svg viewBox='0 0 a b'/>"), HasSubstr("no numbers"));
  EXPECT_THAT(ErrorOf("<svg viewBox='0 0 1'/>"), HasSubstr("without a size"));
  const std::string start = "<svg viewBox='0 0 1 1'>\n";
  EXPECT_THAT(ErrorOf(start + "<g>"), HasSubstr("line 2: <g> is not closed"));
  EXPECT_THAT(ErrorOf(start + "<g></svg>"), HasSubstr("closes nothing"));
  EXPECT_THAT(ErrorOf(start + "<g a></g>"), HasSubstr("without a value"));
  EXPECT_THAT(ErrorOf(start + "<g a=1/>"), HasSubstr("without quotes"));
  EXPECT_THAT(ErrorOf(start + "<g a='1"), HasSubstr("never closed"));
  EXPECT_THAT(ErrorOf(start + "<g a='<'/>"), HasSubstr("a < in a value"));
  EXPECT_THAT(ErrorOf(start + "<g a='1' a='2'/>"), HasSubstr("given twice"));
  EXPECT_THAT(ErrorOf(start + "<text>&nbsp;</text>"), HasSubstr("no entity"));
  EXPECT_THAT(ErrorOf(start + "<!-- "), HasSubstr("no \"-->\" follows"));
  EXPECT_THAT(ErrorOf(start + "< g/>"), HasSubstr("starts no tag"));
  EXPECT_THAT(ErrorOf("<svg viewBox='0 0 1 1'/><svg/>"),
              HasSubstr("more than one root"));
  EXPECT_THAT(ErrorOf("<!DOCTYPE svg [<!ENTITY a 'b'>]><svg/>"),
              HasSubstr("document type"));
  std::string deep = start;
  for (int i = 0; i < 200; ++i) deep += "<g>";
  EXPECT_THAT(ErrorOf(deep), HasSubstr("nested too deep"));
}

TEST(ThinPath, LeavesOutWhatLiesOnTheLine) {
  EXPECT_EQ(ThinPath("M0,0 L1,0.05 L2,0 L3,0.00 L3,4", 0.1), "M0,0 3,0 3,4");
  EXPECT_EQ(ThinPath("M0,0 L1,0.2 L2,0", 0.1), "M0,0 1,0.2 2,0");
  // A spike is no matter of neighbours alone: back and forth on one line.
  EXPECT_EQ(ThinPath("M0,0 L9,0 L2,0", 0.1), "M0,0 9,0 2,0");
  EXPECT_EQ(ThinPath("M1.50,2 L3,4 Z M5,5 6,6", 0.1), "M1.5,2 3,4ZM5,5 6,6");
  EXPECT_EQ(ThinPath("", 0.1), "");
}

TEST(ThinPath, LeavesOthersAlone) {
  for (const char* d :
       {"M-1,0 h2 M0,-1 v2", "M0,0 C1,1 2,2 3,3", "m0,0 l1,1", "L1,1",
        "M0,0 L1", "M0,0 Z L1,1", "M0,0 Lx,1", "M0,0 L1e999,1"}) {
    EXPECT_EQ(ThinPath(d, 0.1), d);
  }
}

}  // namespace
}  // namespace polarize
