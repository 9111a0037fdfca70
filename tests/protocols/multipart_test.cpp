#include <tz/format/error.hpp>
#include <tz/protocols/multipart.hpp>
#include <tz/tests/support/files.hpp>

#include <gtest/gtest.h>

namespace tz {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t mib = 1 << 20;

TEST(Multipart, CutsObjectsIntoNoMorePartsThanS3Takes) {
    struct Case {
        std::uint64_t object, wanted, part;
    };

    constexpr Case cases[] = {
        {0, 8 * mib, 8 * mib},
        {1, 8 * mib, 8 * mib},
        {80'000 * mib, 8 * mib, 8 * mib},
        {80'000 * mib + 1, 8 * mib, 9 * mib},
        {80'000 * mib, 5 * mib, 8 * mib},
        {1'000'000 * mib, 8 * mib, 100 * mib},
        {1'000'000 * mib + 1, 8 * mib, 101 * mib},
        {10'000 * (5ull << 30), 8 * mib, 5ull << 30},
        {100 * mib, 64 * mib, 64 * mib},
        {5, 65'536, 65'536},
    };
    for (const Case& c : cases) {
        EXPECT_EQ(part_bytes_for(c.object, c.wanted), c.part) << c.object << ' ' << c.wanted;
        EXPECT_LE(c.object, c.part * parts_max);
    }
}

TEST(Multipart, RefusesObjectsThatNoPartsMakeUp) {
    for (const std::uint64_t bytes : {part_bytes_max * parts_max + 1, std::uint64_t{UINT64_MAX}}) {
        const auto error = test::error_of([&] { part_bytes_for(bytes); });
        ASSERT_TRUE(error);
        EXPECT_EQ(error->kind(), errc::limit);
    }
}

TEST(Multipart, NumbersPartsAndEscapesWhatServersSaid) {
    const std::vector<UploadedPart> parts{{"\"ab\"", ""}, {"a<b&c", "4waSgw=="}};
    EXPECT_EQ(
        complete_request(parts),
        "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
        "<Part><PartNumber>1</PartNumber><ETag>\"ab\"</ETag></Part>"
        "<Part><PartNumber>2</PartNumber><ETag>a&lt;b&amp;c</ETag>"
        "<ChecksumCRC32C>4waSgw==</ChecksumCRC32C></Part>"
        "</CompleteMultipartUpload>");
}

TEST(Multipart, FindsTheIdOfANewUpload) {
    const auto id = [](const std::string& body) { return created_upload(body).value_or("none"); };
    const std::string start = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                              "<InitiateMultipartUploadResult xmlns=\"http://s3.x/\">";
    EXPECT_EQ(
        id(start + "<Bucket>b</Bucket><Key>k</Key><UploadId>2~a_b-C.</UploadId>"
                   "</InitiateMultipartUploadResult>"),
        "2~a_b-C.");
    EXPECT_EQ(id(start + "<UploadId></UploadId></InitiateMultipartUploadResult>"), "none");
    EXPECT_EQ(id(start + "</InitiateMultipartUploadResult>"), "none");
    EXPECT_EQ(
        id(start + "<UploadId>" + std::string(5000, 'x') +
           "</UploadId></InitiateMultipartUploadResult>"),
        "none");
    EXPECT_EQ(id(start + "<UploadId>cut"), "none");
    EXPECT_EQ(id("<Error><Code>AccessDenied</Code></Error>"), "none");
    EXPECT_EQ(id(""), "none");
    EXPECT_EQ(id("<html>"), "none");
}

TEST(Multipart, ReadsTheEndOfAnUploadBehindBlanks) {
    const std::string result = "<CompleteMultipartUploadResult><Location>http://x</Location>"
                               "<ETag>&quot;abc-2&quot;</ETag>"
                               "<ChecksumCRC32C>4waSgw==</ChecksumCRC32C>"
                               "</CompleteMultipartUploadResult>";
    for (const std::string& body :
         {result,
          "  \n\n " + result,
          "\n <?xml version=\"1.0\"?>  \n\n" + result,
          "<?xml version=\"1.0\"?>" + std::string(100'000, ' ') + result}) {
        const auto completed = completed_upload(body);
        ASSERT_TRUE(completed);
        EXPECT_EQ(completed->etag, "\"abc-2\"");
        EXPECT_EQ(completed->crc32c, "4waSgw==");
    }
    EXPECT_FALSE(completed_upload("<Error><Code>InternalError</Code></Error>"));
    EXPECT_FALSE(completed_upload("   "));
    EXPECT_FALSE(completed_upload(""));
}

TEST(Multipart, ReadsListsOfUploads) {
    const auto page = uploads_page(
        "<ListMultipartUploadsResult><Bucket>b</Bucket><EncodingType>url</EncodingType>"
        "<NextKeyMarker>a%2Fb</NextKeyMarker><NextUploadIdMarker>id2</NextUploadIdMarker>"
        "<IsTruncated>true</IsTruncated>"
        "<Upload><Key>a+b%2Bc</Key><UploadId>id1</UploadId>"
        "<Initiated>2026-11-26T10:45:00.123Z</Initiated></Upload>"
        "<Upload><Key>a/b</Key><UploadId>id2</UploadId>"
        "<Initiated>1970-01-01T00:00:01Z</Initiated></Upload>"
        "</ListMultipartUploadsResult>");
    ASSERT_TRUE(page);
    ASSERT_EQ(page->uploads.size(), 2u);
    EXPECT_EQ(page->uploads[0].key, "a b+c");
    EXPECT_EQ(page->uploads[0].upload_id, "id1");
    EXPECT_EQ(page->uploads[1].initiated, std::chrono::sys_seconds(1s));
    EXPECT_TRUE(page->more);
    EXPECT_EQ(page->next_key, "a/b");
    EXPECT_EQ(page->next_upload_id, "id2");
}

TEST(Multipart, TakesKeysAsTheyAreWhereTheListIsNotEncoded) {
    const auto page = uploads_page(
        "<ListMultipartUploadsResult><IsTruncated>false</IsTruncated>"
        "<Upload><Key>a+b%2Bc</Key><UploadId>i</UploadId>"
        "<Initiated>2026-11-26T10:45:00Z</Initiated></Upload></ListMultipartUploadsResult>");
    ASSERT_TRUE(page);
    EXPECT_EQ(page->uploads.at(0).key, "a+b%2Bc");
    EXPECT_FALSE(page->more);
}

TEST(Multipart, RefusesListsThatLeadNowhere) {
    const std::string upload = "<Key>k</Key><UploadId>i</UploadId>";
    for (const std::string& inside :
         {"<Upload>" + upload + "</Upload>",
          "<Upload>" + upload + "<Initiated>yesterday</Initiated></Upload>",
          std::string("<Upload><Key>k</Key><Initiated>2026-11-26T10:45:00Z</Initiated></Upload>"),
          std::string("<IsTruncated>true</IsTruncated>"),
          std::string("<EncodingType>url</EncodingType><NextKeyMarker>%g</NextKeyMarker>")}) {
        const auto error = test::error_of([&] {
            uploads_page("<ListMultipartUploadsResult>" + inside + "</ListMultipartUploadsResult>");
        });
        ASSERT_TRUE(error) << inside;
        EXPECT_EQ(error->kind(), errc::transport);
    }
    EXPECT_FALSE(uploads_page("<Error><Code>NoSuchBucket</Code></Error>"));
}

} // namespace
} // namespace tz
