//! Packing, against the mapping and against shifts and masks written from the contract's picture.

use super::*;
use proptest::prelude::*;

fn mapping() -> impl Strategy<Value = Mapping> {
    (any::<u16>(), any::<u64>(), any::<u64>(), 0..3u8, any::<u8>(), any::<bool>(), marks()).prop_map(
        |(asid, vpn, pfn, code, rights, global, marks)| {
            let size = PageSize::from_code(code).expect("a legal code");
            Mapping {
                asid: if global { Asid::GLOBAL } else { Asid::truncate(asid) },
                vpn: Vpn::truncate(vpn).base(size),
                size,
                pfn: Pfn::truncate(pfn & !(size.pages() - 1)),
                rights: Rights::from_bits(rights),
                global,
                marks,
            }
        },
    )
}

fn marks() -> impl Strategy<Value = Marks> {
    prop::sample::select(vec![Marks::NONE, Marks::A, Marks::D, Marks::A.with(Marks::D)])
}

proptest! {
    #[test]
    fn a_mapping_and_its_link_survive_packing(mapping in mapping(), link: Option<u32>) {
        let entry = Entry::from_bytes(&Entry::new(&mapping, link).to_bytes());
        prop_assert_eq!((entry.mapping(), entry.link()), (Some(mapping), link));
        prop_assert!(entry.matches(mapping.asid, mapping.vpn, mapping.size, mapping.global));
    }

    #[test]
    fn any_bytes_survive_and_fields_are_where_the_contract_draws_them(bytes: [u8; 32]) {
        let entry = Entry::from_bytes(&bytes);
        prop_assert_eq!(entry.to_bytes(), bytes);
        let word = |i: usize| u64::from_le_bytes(bytes[8 * i..8 * i + 8].try_into().unwrap());
        prop_assert_eq!(entry.valid(), word(0) & 1 == 1);
        prop_assert_eq!(entry.rights().bits(), (word(0) >> 1 & 15) as u8);
        prop_assert_eq!(entry.global(), word(0) >> 5 & 1 == 1);
        prop_assert_eq!(entry.marks().contains(Marks::A), word(0) >> 6 & 1 == 1);
        prop_assert_eq!(entry.marks().contains(Marks::D), word(0) >> 7 & 1 == 1);
        prop_assert_eq!(entry.size_code(), (word(0) >> 8 & 3) as u8);
        prop_assert_eq!(entry.pfn().get(), word(0) << 12 >> 24);
        prop_assert_eq!(entry.vpn().get(), word(1) << 12 >> 12);
        prop_assert_eq!(entry.asid().get(), word(2) as u16);
        prop_assert_eq!(entry.link(), (word(3) >> 32 & 1 == 1).then_some(word(3) as u32));
        prop_assert_eq!(entry.breaks_link_zeros(), word(3) >> 33 != 0);
    }

    #[test]
    fn a_bit_that_must_be_zero_makes_the_mapping_malformed(mapping in mapping(), choice: prop::sample::Index) {
        let zeros: Vec<u32> = ZERO_IN_MAPPING.into_iter().flatten().collect();
        let bit = zeros[choice.index(zeros.len())];
        let mut entry = Entry::new(&mapping, None);
        prop_assert!(!entry.is_malformed());
        entry.set_bit(bit, true);
        prop_assert!(entry.is_malformed() && entry.mapping().is_none());
    }
}

#[test]
fn misaligned_frames_a_stray_global_and_the_reserved_size_are_malformed() {
    let (asid, vpn, pfn) = (Asid::truncate(1), Vpn::truncate(0x200), Pfn::truncate(0x400));
    let large = Mapping::new(asid, vpn, PageSize::Large, pfn, Rights::R);
    assert!(!Entry::new(&large, None).is_malformed());
    assert!(Entry::new(&Mapping { pfn: Pfn::truncate(0x401), ..large }, None).is_malformed());
    assert!(Entry::new(&Mapping { global: true, ..large }, None).is_malformed());
    let mut reserved = Entry::new(&large, None);
    reserved.set(SIZE, 3);
    assert!(reserved.is_malformed() && reserved.mapping().is_none());
}

#[test]
fn one_entry_keeps_its_pte_and_links_apart() {
    let full = Pte { pfn: Pfn::MAX, rights: Rights::ALL, marks: Marks::A.with(Marks::D) };
    let entry = Entry::EMPTY.with_link(Some(u32::MAX)).with_pte(full);
    assert_eq!((entry.link(), entry.valid()), (Some(u32::MAX), false));
    assert_eq!(Pte { pfn: entry.pfn(), rights: entry.rights(), marks: entry.marks() }, full);
    let none = Pte { pfn: Pfn::default(), rights: Rights::NONE, marks: Marks::NONE };
    assert!(entry.with_link(None).with_pte(none).is_empty());
}
