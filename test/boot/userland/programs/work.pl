# A large part of Perl's library at work: big numbers, text formats, packing, regular expressions, sorting, closures.

use strict;
use warnings;
use Digest::MD5 qw(md5_hex);
use Digest::SHA qw(sha256_hex);
use Encode qw(encode decode);
use List::Util qw(sum reduce shuffle first);
use Math::BigFloat;
use Math::BigInt;
use Pod::Man;
use Pod::Text;
use Text::Balanced qw(extract_bracketed);
use Text::Wrap qw(wrap);
use Time::Local qw(timegm);
use Unicode::Normalize qw(NFD NFC);

$| = 1;
my $seed = 12345;
sub number { $seed = ($seed * 1103515245 + 12345) & 0x7fffffff; return ($seed >> 8) % $_[0] }

print "pi ", Math::BigFloat->bpi(60), "\n";
print "factorial ", Math::BigInt->new(120)->bfac, "\n";
print "power ", Math::BigInt->new(7)->bmodpow(123456789, 10**15 + 37), "\n";

my @words = map { join '', map { chr(97 + number(12)) } 1 .. 2 + number(6) } 1 .. 4000;
my %count;
$count{ substr $_, 0, 2 }++ for @words;
my @common = sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count;
print "words ", join(' ', map { "$_=$count{$_}" } @common[0 .. 11]), "\n";

my $text = join ' ', @words;
my @pairs = $text =~ /\b(\w)(\w)\w*\2\1\b/g;
(my $changed = $text) =~ s/([aeiou])([^aeiou ]+)/\U$2\E$1/g;
print "regex ", scalar(@pairs), ' ', md5_hex($changed), "\n";
my $nested = '(' x 40 . 'x' . ')' x 40;
my $balanced = qr/(\((?:[^()]++|(?1))*\))/;
print "recursion ", ($nested =~ /^$balanced$/ ? length $1 : 'none'), ' ', (extract_bracketed("$nested tail", '()'))[1], "\n";

my $packed = pack 'N n C a8 d< q> w*', 1 << 31, 77, 200, 'orlop', 3.25, -5, 1, 300, 70000;
print "pack ", unpack('H*', $packed), ' ', join(',', unpack 'N n C A8 d< q> w*', $packed), "\n";
my $greek = decode('UTF-8', "\xce\xb1\xcc\x81\xce\xb2\xce\xb3");
print "unicode ", length($greek), ' ', length(NFC($greek)), ' ', uc(NFC($greek)) eq "\x{386}\x{392}\x{393}" ? 'right' : 'wrong',
  ' ', unpack('H*', encode('UTF-16BE', NFD($greek))), "\n";

print "wrapped ", sha256_hex(wrap('  ', '    ', @words[0 .. 800])), "\n";
print "sprintf ", sprintf('%.17g %e %s %05d %-6s| %x %o %b %vd', 1 / 3, 12345.678, 1e21, -42, 'ab', 255, 8, 5, '1.22.333'), "\n";
print "dates ", join(' ', map { timegm(0, 0, 12, 28, 1, $_) % 100000 } 1970, 1999, 2000, 2024, 2100), "\n";

my @queue = map { my $n = $_; sub { $n = ($n * 31 + shift) % 65537 } } 1 .. 50;
my $sum = 0;
for my $round (1 .. 400) { $sum += $queue[ $round % 50 ]->($round) }
print "closures $sum ", sum(map { $_->(0) } @queue), ' ', reduce { ($a * 33 + $b) % 1000003 } map { $_->(1) } @queue;
print "\n";

# Perl's own documents, through two formatters of some thousand lines of Perl each.
for my $module (@ARGV) {
  my $path = first { -e } map { "$_/$module" } @INC;
  for my $class (qw(Pod::Text Pod::Man)) {
    my $parser = $class->new($class eq 'Pod::Man' ? (date => 'today', release => 'none', center => 'x') : ());
    my $out = '';
    $parser->output_string(\$out);
    $parser->parse_file($path);
    $out =~ s/^\.\\".*\n//mg;
    print "$class $module ", length($out), ' ', sha256_hex(encode('UTF-8', $out)), "\n";
  }
}
